/**
 * A bad network between a page and its server: datagrams are late, out of order or lost; parts of a TCP stream are late.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

/**
 * @typedef {Object} Weather
 * @property {number} jitterMs - each datagram is late by up to twice this, each way
 * @property {number} loss - share, 0 to 1
 */

/** @param {Weather} weather */
function delay({ jitterMs }) {
    return Math.random() * 2 * jitterMs;
}

/**
 * @param {{host: string, port: number}} server
 * @param {Weather} weather
 * @returns {Promise<{port: number, close: () => void}>}
 */
export async function relayUdp(server, weather) {
    const front = dgram.createSocket('udp4');
    /** @type {Map<string, dgram.Socket>} One for each client, so that the server can tell them apart. */
    const backs = new Map();
    const pass = (/** @type {() => void} */ send) => {
        if (Math.random() >= weather.loss) {
            setTimeout(send, delay(weather));
        }
    };
    let closed = false;
    front.on('message', (data, client) => {
        const key = `${client.address}:${client.port}`;
        let back = backs.get(key);
        if (back === undefined) {
            back = dgram.createSocket('udp4');
            back.on('message', (reply) => pass(() => closed || front.send(reply, client.port, client.address)));
            back.on('error', () => {});
            backs.set(key, back);
        }
        const up = back;
        pass(() => closed || up.send(data, server.port, server.host));
    });
    front.bind(0, '127.0.0.1');
    await once(front, 'listening');
    const close = () => {
        closed = true;
        front.close();
        backs.forEach((back) => back.close());
    };
    return { port: front.address().port, close };
}

/**
 * @param {{host: string, port: number}} server
 * @param {Weather} weather - lost data arrives one round trip later
 * @returns {Promise<{port: number, close: () => void}>}
 */
export async function relayTcp(server, weather) {
    /** @type {Set<net.Socket>} */
    const open = new Set();
    const relay = net.createServer((client) => {
        const upstream = net.connect(server.port, server.host);
        for (const [from, to] of [[client, upstream], [upstream, client]]) {
            open.add(from);
            carry(from, to, weather);
            from.on('close', () => open.delete(from));
        }
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const close = () => {
        relay.close();
        open.forEach((socket) => socket.destroy());
    };
    return { port: /** @type {net.AddressInfo} */ (relay.address()).port, close };
}

/**
 * @param {net.Socket} from
 * @param {net.Socket} to
 * @param {Weather} weather
 */
function carry(from, to, weather) {
    let due = 0;
    const later = (/** @type {() => void} */ act) => {
        const again = Math.random() < weather.loss ? 2 * weather.jitterMs : 0;
        due = Math.max(due, performance.now() + delay(weather) + again); // in order
        setTimeout(act, due - performance.now());
    };
    from.setNoDelay(true);
    from.on('data', (data) => later(() => to.destroyed || to.write(data)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
}

/**
 * Sends a page's WebRTC through a relay: replaces the address in the server's answer by the relay's, and hides the page's
 * own addresses from the server.
 *
 * @param {import('playwright-core').Page} page
 * @param {Weather} weather
 * @returns {Promise<{close: () => void}>}
 */
export async function relayWebRtc(page, weather) {
    /** @type {{port: number, close: () => void} | null} */
    let relay = null;
    await page.route('**/api/offer', async (route) => {
        if (route.request().method() !== 'POST') {
            await route.fulfill({ status: 204 });
            return;
        }
        const offer = route.request().postDataJSON();
        const sdp = offer.sdp.replace(/^a=candidate:.*\r\n/gm, '');
        const response = await route.fetch({ postData: JSON.stringify({ ...offer, sdp }) });
        const answer = await response.json();
        const candidate = /^(a=candidate:\S+ \d+ udp \d+) (\S+) (\d+) (typ host.*\r\n)/im.exec(answer.sdp ?? '');
        if (candidate === null) {
            await route.fulfill({ response });
            return;
        }
        relay ??= await relayUdp({ host: candidate[2], port: Number(candidate[3]) }, weather);
        const rewritten = `${candidate[1]} 127.0.0.1 ${relay.port} ${candidate[4]}`;
        let first = true;
        answer.sdp = answer.sdp.replace(/^a=candidate:.*\r\n/gm, () => {
            const line = first ? rewritten : '';
            first = false;
            return line;
        });
        await route.fulfill({ response, json: answer });
    });
    return { close: () => relay?.close() };
}
