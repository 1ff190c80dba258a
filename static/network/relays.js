/**
 * Which relays a browser was told of, by the transport on which it reaches them. Pure.
 */

/** @typedef {import('./checks.js').RelayTransport} RelayTransport */

/**
 * @param {RTCIceServer[]} servers - as of /api/ice-servers
 * @returns {Record<RelayTransport, RTCIceServer[]>}
 */
export function relaysByTransport(servers) {
    /** @type {Record<RelayTransport, RTCIceServer[]>} */
    const relays = { udp: [], tcp: [], tls: [] };
    for (const { urls, ...credential } of servers) {
        for (const url of [urls].flat()) {
            const transport = transportOf(url);
            if (transport !== null) {
                relays[transport].push({ ...credential, urls: url });
            }
        }
    }
    return relays;
}

/**
 * @param {string} url
 * @returns {RelayTransport | null} null: it is no relay that browsers reach
 */
export function transportOf(url) {
    const [, scheme, transport] = /^(turns?):[^?]*(?:\?transport=(udp|tcp))?$/i.exec(url.toLowerCase()) ?? [];
    if (scheme === 'turns') {
        return transport === 'udp' ? null : 'tls';
    }
    return scheme === 'turn' ? (transport === 'tcp' ? 'tcp' : 'udp') : null;
}
