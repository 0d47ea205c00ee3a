//! Integration tests.

// The committed protobuf code is what the schema gives.
mod generated;
