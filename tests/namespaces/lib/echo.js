/**
 * A program that tells whoever asks at which address it sees them, over UDP and TCP at the ports of its arguments. Over UDP a question
 * that begins with `other` is answered from another port.
 */
import dgram from 'node:dgram';
import net from 'node:net';

const other = dgram.createSocket('udp4');
other.bind(0);

for (const port of process.argv.slice(2).map(Number)) {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (data, { address, port: from }) => {
        const answering = data.toString('latin1').startsWith('other') ? other : socket;
        answering.send(`${address}:${from}`, from, address);
    });
    socket.bind(port);
    net.createServer((stream) => {
        stream.on('data', () => stream.end(`${stream.remoteAddress}:${stream.remotePort}`.replace('::ffff:', '')));
        stream.on('error', () => stream.destroy());
    }).listen(port);
}
