/**
 * `visavis serve --turn` behind a 1:1 NAT, as in most clouds: its own address is private, and `server.public_addresses` says where callers
 * find it. The way to the inner address is closed.
 */
import { testNetworks } from './lib/cases.js';

const TCP = ['turn-tcp', 'turn-tls', 'websocket'];

testNetworks('a hidden server', 'own', [
    { network: 'hidden', ways: ['direct'], ticks: ['udp', 'turn-udp', ...TCP] },
    // The relay stands behind it as well, and leads to calls that are told by an address which the server itself does not reach.
    { network: 'hiddenRelayPort', ways: ['relay/udp'], ticks: ['turn-udp', ...TCP] },
], { hidden: true });
