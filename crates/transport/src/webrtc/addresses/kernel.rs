//! What the kernel's tables under `/proc/net` say. Pure.

use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;

use super::interface::AddressState;

/// Flags of an address (`linux/if_addr.h`).
const TEMPORARY: u8 = 0x01;
const DUPLICATE: u8 = 0x08;
const DEPRECATED: u8 = 0x20;
const TENTATIVE: u8 = 0x40;

/// Flags of a device (`linux/if.h`).
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const POINT_TO_POINT: u32 = 0x10;

/// The devices' flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) is_up: bool,
    pub(super) is_loopback: bool,
    pub(super) is_point_to_point: bool,
}

/// Reads a device's `flags`, such as `0x1003`.
pub(super) fn flags(text: &str) -> Option<Flags> {
    let flags = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()?;
    let has = |flag: u32| flags & flag != 0;
    Some(Flags { is_up: has(UP), is_loopback: has(LOOPBACK), is_point_to_point: has(POINT_TO_POINT) })
}

/// Reads `if_inet6`: address, index, length of the prefix, scope, flags, name.
pub(super) fn states(table: &str) -> HashMap<Ipv6Addr, AddressState> {
    let state = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, _, _, _, flags, ..] = words[..] else { return None };
        let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let state = AddressState {
            is_temporary: flags & TEMPORARY != 0,
            is_deprecated: flags & DEPRECATED != 0,
            is_tentative: flags & (TENTATIVE | DUPLICATE) != 0,
        };
        Some((address, state))
    };
    table.lines().filter_map(state).collect()
}

/// The devices over which a default route leads, of `route` (IPv4) and `ipv6_route`.
pub(super) fn routed(v4: &str, v6: &str) -> HashSet<String> {
    let of_v4 = v4.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        // Device, destination, gateway, flags, references, use, metric, mask.
        let [device, "00000000", _, _, _, _, _, "00000000", ..] = words[..] else { return None };
        Some(device.to_owned())
    });
    let of_v6 = v6.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        // Destination and its length come first, the device last.
        let [destination, "00", .., device] = words[..] else { return None };
        let is_default = !destination.is_empty() && destination.bytes().all(|digit| digit == b'0');
        is_default.then(|| device.to_owned())
    });
    of_v4.chain(of_v6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_up_loopback_or_point_to_point_as_their_flags_say() {
        for (text, up, loopback, point_to_point) in [
            ("0x1003\n", true, false, false),
            ("0x9\n", true, true, false),
            ("0x10d1\n", true, false, true),
            ("0x1002\n", false, false, false),
        ] {
            let expected = Flags { is_up: up, is_loopback: loopback, is_point_to_point: point_to_point };
            assert_eq!(flags(text), Some(expected), "{text}");
        }
        assert_eq!(flags("up"), None);
    }

    #[test]
    fn temporary_deprecated_and_tentative_addresses_are_told_apart() {
        let table = "\
            00000000000000000000000000000001 01 80 10 80       lo\n\
            20010db8000000000000000000000007 02 40 00 00     eth0\n\
            20010db8000000000000000000000008 02 40 00 01     eth0\n\
            20010db8000000000000000000000009 02 40 00 21     eth0\n\
            20010db800000000000000000000000a 02 40 00 c8     eth0\n\
            nonsense\n";
        let states = states(table);
        let of = |address: &str| {
            let state = states[&address.parse::<Ipv6Addr>().unwrap()];
            [state.is_temporary, state.is_deprecated, state.is_tentative]
        };
        assert_eq!(of("::1"), [false; 3]);
        assert_eq!(of("2001:db8::7"), [false; 3]);
        assert_eq!(of("2001:db8::8"), [true, false, false]);
        assert_eq!(of("2001:db8::9"), [true, true, false]);
        assert_eq!(of("2001:db8::a"), [false, false, true]);
        assert_eq!(states.len(), 5);
    }

    #[test]
    fn default_routes_name_their_devices() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
            docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let zero = "0".repeat(32);
        let v6 = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth1\n\
            fe800000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth2\n"
        );
        let expected = ["wlan0", "eth1"].map(str::to_owned);
        assert_eq!(routed(v4, &v6), HashSet::from(expected));
        assert!(routed("", "").is_empty());
    }
}
