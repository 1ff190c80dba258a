/**
 * A caller and a server between whom there is IPv6 alone.
 */
import { testNetworks } from './lib/cases.js';

testNetworks('IPv6', 'none', [
    { network: 'ipv6', ways: ['direct'], ticks: ['udp', 'websocket'] },
], { ipv6: true });
