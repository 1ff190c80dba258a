/**
 * A server without a relay that takes calls over TCP at the port of https (`webrtc.ice_tcp`).
 */
import { testNetworks } from './lib/cases.js';

testNetworks('ICE over TCP', 'ice-tcp', [
    { network: 'symmetric', ways: ['direct'], ticks: ['udp', 'websocket'] },
    { network: 'port443', ways: ['direct/tcp'], ticks: ['websocket'] },
    // It looks like nothing that such a firewall knows.
    { network: 'https', ways: ['websocket'], ticks: ['websocket'] },
]);
