/**
 * coturn on a host of its own, with turn/turnserver.conf: 3478 over UDP and TCP, and TLS at 443.
 */
import { testNetworks } from './lib/cases.js';

const ALL = ['udp', 'turn-udp', 'turn-tcp', 'turn-tls', 'websocket'];

testNetworks('coturn', 'coturn', [
    { network: 'routed', ways: ['direct'], ticks: ALL },
    { network: 'masquerade', ways: ['direct'], ticks: ALL },
    { network: 'symmetric', ways: ['direct'], ticks: ALL },
    { network: 'relayPort', ways: ['relay/udp'], ticks: ['turn-udp', 'turn-tls', 'websocket'], forgets: true },
    { network: 'tcp', ways: ['relay/tcp', 'relay/tls'], ticks: ['turn-tcp', 'turn-tls', 'websocket'] },
    { network: 'port443', ways: ['relay/tls'], ticks: ['turn-tls', 'websocket'] },
    { network: 'https', ways: ['relay/tls'], ticks: ['turn-tls', 'websocket'] },
]);
