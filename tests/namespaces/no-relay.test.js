/**
 * A server without a relay: the WebSocket is the last that is tried.
 */
import { testNetworks } from './lib/cases.js';

testNetworks('no relay', 'none', [
    { network: 'symmetric', ways: ['direct'], ticks: ['udp', 'websocket'], forgets: true, moves: true },
    { network: 'tcp', ways: ['websocket'], ticks: ['websocket'] },
    { network: 'port443', ways: ['websocket'], ticks: ['websocket'] },
]);
