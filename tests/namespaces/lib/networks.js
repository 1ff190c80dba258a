/**
 * The networks between a caller and the servers: what a router lets through, and what it makes of addresses. Pure.
 *
 * @typedef {Object} Network
 * @property {string} says - in the names of tests
 * @property {'none' | 'masquerade' | 'symmetric'} nat
 * @property {string[]} passes - what the caller may begin, as nftables has it
 * @property {boolean} [inspects] - connections in which STUN is seen are held up
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

/** @typedef {keyof typeof NETWORKS} NetworkName */

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
export function ruleset({ nat, passes, inspects = false }) {
    const passing = [
        ...(inspects ? STUN : []),
        'ct state established,related accept',
        'iifname != "lan" oifname != "lan" accept',
        ...(nat === 'none' ? ['iifname != "lan" accept'] : []),
        ...passes.map((rule) => `iifname "lan" ${rule}`),
    ];
    const leaving = NAT[nat].map((how) => `ip saddr ${LAN} ${how}`);
    return [
        'flush ruleset',
        'table ip visavis {',
        '  chain passing {',
        '    type filter hook forward priority filter; policy drop;',
        ...passing.map((rule) => `    ${rule}`),
        '  }',
        '  chain leaving {',
        '    type nat hook postrouting priority srcnat;',
        ...leaving.map((rule) => `    ${rule}`),
        '  }',
        '}',
        '',
    ].join('\n');
}
