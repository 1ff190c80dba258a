//! Ports for servers that run as processes of their own and have to be told which port to take.
//!
//! A port that the kernel has picked is free only until its socket is closed: from then on any other socket of this machine may be
//! given it, also that of a client which asks whether the server is there, before the server binds it. These lie below those that
//! the kernel picks (`net.ipv4.ip_local_port_range`, from 32,768 on), and a process of tests gives each of them once.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of the loopback address that is free for TCP and for UDP.
pub(crate) fn free() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let number = first().wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + (number % u32::from(COUNT)) as u16;
        let at = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} on is free");
}

/// Where the numbers of this process begin, and those of this module where a program includes it twice: two that give ports at once
/// should not meet.
fn first() -> u32 {
    let mix = |number: u32, byte: u8| number.wrapping_mul(31).wrapping_add(u32::from(byte));
    module_path!().bytes().fold(std::process::id(), mix)
}
