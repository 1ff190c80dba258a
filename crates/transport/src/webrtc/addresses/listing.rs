//! Reads this host's addresses, and what their devices are, of the system.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::interface::{AddressState, Interface, Link};
use super::kernel;

/// Where Linux describes devices; elsewhere there is nothing.
const DEVICES: &str = "/sys/class/net";

/// All addresses of this host's interfaces.
///
/// # Errors
/// If the system does not list them.
pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    let states = kernel::states(&table("/proc/net/if_inet6"));
    let routed = kernel::routed(&table("/proc/net/route"), &table("/proc/net/ipv6_route"));
    let mut links: HashMap<String, Link> = HashMap::new();
    let mut found = Vec::new();
    for listed in rtc::shared::ifaces::ifaces()? {
        let Some(ip) = listed.addr.map(|address| address.ip()) else { continue };
        // A second address of a device may bear a name of its own, such as `eth0:1`.
        let name = listed.name.split(':').next().unwrap_or_default().to_owned();
        let link = *links.entry(name.clone()).or_insert_with(|| {
            let link = link(&Path::new(DEVICES).join(&name));
            Link { is_routed: routed.contains(&name), ..link }
        });
        let state = match ip {
            IpAddr::V4(_) => AddressState::default(),
            IpAddr::V6(ip) => states.get(&ip).copied().unwrap_or_default(),
        };
        found.push(Interface { name, ip, link, state });
    }
    Ok(found)
}

/// A table of the kernel; empty if there is none.
fn table(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// What the system tells of a device.
fn link(device: &Path) -> Link {
    let read = |name: &str| std::fs::read_to_string(device.join(name)).ok();
    let Some(flags) = read("flags").and_then(|text| kernel::flags(&text)) else { return Link::default() };
    // Devices without a state of their own, such as loopback and VPNs, say "unknown".
    let is_dead = read("operstate")
        .is_some_and(|state| ["down", "lowerlayerdown", "notpresent", "dormant"].contains(&state.trim()));
    Link {
        is_down: !flags.is_up || is_dead,
        is_loopback: flags.is_loopback,
        is_point_to_point: flags.is_point_to_point,
        is_inner_bridge: is_inner_bridge(device),
        is_routed: false,
    }
}

/// Whether a device is a bridge to which no real device belongs, only ends of wires to containers, or nothing.
fn is_inner_bridge(device: &Path) -> bool {
    if !device.join("bridge").is_dir() {
        return false;
    }
    let Ok(ports) = std::fs::read_dir(device.join("brif")) else { return true };
    let mut names = ports.filter_map(|port| Some(port.ok()?.file_name()));
    !names.any(|name| is_real(&Path::new(DEVICES).join(name)))
}

/// Whether a device is one of hardware, or stands on another: a VLAN, a bond.
fn is_real(device: &Path) -> bool {
    let is_lower = |name: std::ffi::OsString| name.to_string_lossy().starts_with("lower_");
    device.join("device").exists()
        || std::fs::read_dir(device)
            .is_ok_and(|entries| entries.flatten().any(|entry| is_lower(entry.file_name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_as_what_it_is() {
        let found = interfaces().unwrap();
        let loopback = found.iter().find(|interface| interface.ip.is_loopback()).expect("no loopback");
        if Path::new(DEVICES).is_dir() {
            assert!(loopback.link.is_loopback && !loopback.link.is_down, "{loopback:?}");
        }
    }
}
