//! Access categories as Linux takes them.

use v2x_proto::link::AccessCategory;

/// 802.1D user priority of the category, 0..=6: what `SO_PRIORITY` takes without privilege
/// (IEEE Std 802.11-2020, table 10-1; 7 needs `CAP_NET_RAW` or `CAP_NET_ADMIN`).
pub(crate) const fn user_priority(access: AccessCategory) -> u32 {
    match access {
        AccessCategory::Voice => 6,
        AccessCategory::Video => 5,
        AccessCategory::BestEffort => 0,
        AccessCategory::Background => 1,
    }
}

/// The IPv4 TOS octet of the category: DSCP EF, AF41, default and CS1 (RFC 8325, 4.3),
/// shifted left by two.
pub(crate) const fn tos(access: AccessCategory) -> u32 {
    match access {
        AccessCategory::Voice => 46 << 2,
        AccessCategory::Video => 34 << 2,
        AccessCategory::BestEffort => 0,
        AccessCategory::Background => 8 << 2,
    }
}
