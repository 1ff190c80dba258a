/**
 * The networks between a caller and the servers: what a router lets through, and what it makes of addresses. Pure.
 *
 * @typedef {Object} Network
 * @property {string} says - in the names of tests
 * @property {'none' | 'masquerade' | 'symmetric'} nat
 * @property {string[]} passes - what the caller may begin, as nftables has it
 * @property {boolean} [inspects] - connections in which STUN is seen are held up
 * @property {Translation} [translates]
 *
 * A 1:1 NAT before the server: what comes for `outer` goes to `inner`.
 *
 * @typedef {Object} Translation
 * @property {string} outer
 * @property {string} inner
 */

/** The caller's network. */
export const LAN = '192.168.77.0/24';

/** @satisfies {Record<string, Network>} */
export const NETWORKS = {
    routed: { says: 'without NAT', nat: 'none', passes: ['accept'] },
    masquerade: { says: 'behind NAT', nat: 'masquerade', passes: ['accept'] },
    symmetric: { says: 'behind symmetric NAT', nat: 'symmetric', passes: ['accept'] },
    relayPort: {
        says: "where UDP gets to the relay's port alone",
        nat: 'symmetric',
        passes: ['udp dport 3478 accept', 'tcp dport 443 accept'],
    },
    tcp: { says: 'where UDP is blocked', nat: 'masquerade', passes: ['meta l4proto tcp accept'] },
    port443: { says: 'where only TCP port 443 is open', nat: 'symmetric', passes: ['tcp dport 443 accept'] },
    https: {
        says: 'where only TLS on port 443 gets through',
        nat: 'symmetric',
        passes: ['tcp dport 443 accept'],
        inspects: true,
    },
};

/** A server behind a 1:1 NAT: where it is, and where callers find it. */
const HIDDEN = { inner: '10.77.1.2', outer: '11.77.1.2' };

/**
 * Networks of worlds that are made otherwise, with IPv6 or with a server behind a 1:1 NAT (`Plan` in world.js).
 *
 * @satisfies {Record<string, Network>}
 */
export const SPECIAL = {
    // All of IPv4 is dropped; what has IPv6 passes by another table, of which there is none.
    ipv6: { says: 'where there is IPv6 alone', nat: 'none', passes: [] },
    hidden: {
        says: 'behind NAT, with the server behind a 1:1 NAT',
        nat: 'masquerade',
        passes: ['ct status dnat accept'],
        translates: HIDDEN,
    },
    hiddenRelayPort: {
        says: "where UDP gets to the relay's port alone, with the server behind a 1:1 NAT",
        nat: 'symmetric',
        passes: ['ct status dnat udp dport 3478 accept', 'ct status dnat tcp dport 443 accept'],
        translates: HIDDEN,
    },
};

/** Those of every world. */
export const ALL_NETWORKS = { ...NETWORKS, ...SPECIAL };

/** @typedef {keyof typeof NETWORKS} NetworkName */
/** @typedef {keyof typeof ALL_NETWORKS} AnyNetwork */

const NAT = { none: [], masquerade: ['masquerade'], symmetric: ['masquerade random,fully-random'] };

/** The magic cookie at the beginning of a message, and behind the two bytes of its length as in ICE over TCP. */
const STUN = ['tcp dport 443 @ih,32,32 0x2112a442 drop', 'tcp dport 443 @ih,48,32 0x2112a442 drop'];

/**
 * The rules of a router whose interface `lan` leads to the caller. What is not let through is dropped without a word, as by most
 * firewalls; nothing gets in that is no answer.
 *
 * @param {Network} network
 * @returns {string} for `nft -f`, in the place of what was there
 */
export function ruleset({ nat, passes, inspects = false, translates }) {
    const passing = [
        ...(inspects ? STUN : []),
        'ct state established,related accept',
        'iifname != "lan" oifname != "lan" accept',
        ...(nat === 'none' ? ['iifname != "lan" accept'] : []),
        ...passes.map((rule) => `iifname "lan" ${rule}`),
    ];
    const leaving = NAT[nat].map((how) => `ip saddr ${LAN} ${how}`);
    const arriving = translates ? [`ip daddr ${translates.outer} dnat to ${translates.inner}`] : [];
    return [
        'flush ruleset',
        'table ip visavis {',
        '  chain passing {',
        '    type filter hook forward priority filter; policy drop;',
        ...passing.map((rule) => `    ${rule}`),
        '  }',
        '  chain arriving {',
        '    type nat hook prerouting priority dstnat;',
        ...arriving.map((rule) => `    ${rule}`),
        '  }',
        '  chain leaving {',
        '    type nat hook postrouting priority srcnat;',
        ...leaving.map((rule) => `    ${rule}`),
        '  }',
        '}',
        '',
    ].join('\n');
}
