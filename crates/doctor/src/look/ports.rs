//! Whether ports can be bound, by binding each for a moment.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::judge::ports::{Bound, Port};

pub(crate) fn bound(port: Port, address: SocketAddr) -> Bound {
    let tried: io::Result<()> =
        if port.is_udp() { UdpSocket::bind(address).map(drop) } else { TcpListener::bind(address).map(drop) };
    match tried {
        Ok(()) => Bound::Free,
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => Bound::Taken,
            ErrorKind::PermissionDenied => Bound::Forbidden,
            ErrorKind::AddrNotAvailable => Bound::NotHere,
            _ => Bound::Fault(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_socket_has_is_taken() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (tcp, udp) = (TcpListener::bind(any).unwrap(), UdpSocket::bind(any).unwrap());
        assert_eq!(bound(Port::Http, tcp.local_addr().unwrap()), Bound::Taken);
        assert_eq!(bound(Port::Calls, udp.local_addr().unwrap()), Bound::Taken);
        assert_eq!(bound(Port::Http, any), Bound::Free);
        // For documents: no machine has it.
        assert_eq!(bound(Port::Calls, SocketAddr::from(([192, 0, 2, 1], 0))), Bound::NotHere);
    }
}
