//! An address of this host, and what its device is. Pure.

use std::net::IpAddr;

/// Beginnings of the names that containers and virtual machines give to the host's side of their networks.
const OF_CONTAINERS: [&str; 20] = [
    "antrea",
    "cali",
    "cilium",
    "cni",
    "docker",
    "flannel",
    "incusbr",
    "kube-",
    "lxc",
    "lxdbr",
    "nerdctl",
    "nodelocaldns",
    "ovs-",
    "podman",
    "tunl",
    "vboxnet",
    "virbr",
    "vmnet",
    "vxlan.calico",
    "weave",
];
/// The beginning of the names of one end of a wire between two namespaces.
const WIRE: &str = "veth";
/// Hexadecimal digits behind `br-` in the names of Docker's further bridges.
const BRIDGE_ID: usize = 12;

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    pub(super) link: Link,
    pub(super) state: AddressState,
}

/// What the system tells of a device. Where it tells nothing, the device is an ordinary one that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Link {
    pub(super) is_down: bool,
    pub(super) is_loopback: bool,
    /// It has one peer, as VPNs have.
    pub(super) is_point_to_point: bool,
    /// A bridge to which no real device belongs.
    pub(super) is_inner_bridge: bool,
    /// A default route leads over it.
    pub(super) is_routed: bool,
}

/// What the system tells of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct AddressState {
    /// It changes every day, for privacy.
    pub(super) is_temporary: bool,
    /// It goes out of use.
    pub(super) is_deprecated: bool,
    /// It is not in use yet, or another host has it.
    pub(super) is_tentative: bool,
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    Loopback,
    /// The host's side of a network of containers or virtual machines.
    Containers,
    /// One end of a wire between two namespaces: the host's side of a container, or all that a namespace has.
    Wire,
    /// A VPN.
    Tunnel,
    Plain,
}

impl Interface {
    pub(super) fn device(&self) -> Device {
        let Link { is_loopback, is_point_to_point, is_inner_bridge, is_routed, .. } = self.link;
        if is_loopback {
            Device::Loopback
        } else if is_point_to_point && !self.is_of_containers() {
            Device::Tunnel
        } else if is_routed {
            // Inside of a container its own device may have any name.
            Device::Plain
        } else if self.name.starts_with(WIRE) {
            Device::Wire
        } else if is_inner_bridge || self.is_of_containers() {
            Device::Containers
        } else {
            Device::Plain
        }
    }

    fn is_of_containers(&self) -> bool {
        let is_bridge_of_docker = self
            .name
            .strip_prefix("br-")
            .is_some_and(|id| id.len() == BRIDGE_ID && id.bytes().all(|digit| digit.is_ascii_hexdigit()));
        is_bridge_of_docker || OF_CONTAINERS.iter().any(|beginning| self.name.starts_with(beginning))
    }
}
