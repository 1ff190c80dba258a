/**
 * `visavis serve --turn`: one program at one address, with its own TLS and its own relay.
 */
import { testNetworks } from './lib/cases.js';

const ALL = ['udp', 'turn-udp', 'turn-tcp', 'turn-tls', 'websocket'];
const TCP = ['turn-tcp', 'turn-tls', 'websocket'];

testNetworks('the own relay', 'own', [
    { network: 'routed', ways: ['direct'], ticks: ALL, moves: true },
    { network: 'masquerade', ways: ['direct'], ticks: ALL },
    { network: 'symmetric', ways: ['direct'], ticks: ALL },
    // TCP as well: the port of https takes TURN with and without TLS.
    { network: 'relayPort', ways: ['relay/udp'], ticks: ['turn-udp', ...TCP], forgets: true, moves: true },
    { network: 'tcp', ways: ['relay/tcp', 'relay/tls'], ticks: TCP },
    { network: 'port443', ways: ['relay/tcp', 'relay/tls'], ticks: TCP },
    { network: 'https', ways: ['relay/tls'], ticks: ['turn-tls', 'websocket'] },
]);
