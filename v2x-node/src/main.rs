//! The `roadcast` binary.

fn main() -> std::process::ExitCode {
    v2x_node::main()
}
