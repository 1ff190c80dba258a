/**
 * Draws the thumbnails of static/avatars/people.json from its heads: `node thumbnails.js`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { SOFTWARE_GL, withPage } from './lib/browser.js';
import { withScriptedServer } from './lib/scripted-server.js';

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../static/avatars');
const SIZE = 160;

/** @type {{people: import('../../static/avatar/people.js').Person[]}} */
const { people } = JSON.parse(fs.readFileSync(path.join(FOLDER, 'people.json'), 'utf8'));

await withScriptedServer((server) => withPage({ flags: SOFTWARE_GL }, async (page) => {
    await page.goto(`${server.url}/call?avatar=off`);
    for (const { file, thumbnail } of people) {
        const picture = await page.evaluate(async ({ file, size }) => {
            const modules = ['scene.js', 'head.js', 'shapes.js'].map((name) => import(`${location.origin}/static/avatar/${name}`));
            const [{ HeadScene }, { parseHead }, { emptyFace, shape }] = await Promise.all(modules);
            const canvas = document.createElement('canvas');
            const scene = new HeadScene(canvas, { slowToo: true });
            await scene.setHead(await parseHead(await (await fetch(`static/avatars/${file}`)).arrayBuffer()));
            scene.resize({ width: size, height: size, covered: 0, ratio: 2 });
            scene.camera.zoom = 1.35;
            scene.camera.updateProjectionMatrix();
            const face = emptyFace();
            face.weights[shape('mouthSmileLeft')] = 0.3;
            face.weights[shape('mouthSmileRight')] = 0.3;
            scene.draw(face, 0);
            const small = document.createElement('canvas');
            small.width = size;
            small.height = size;
            const draw = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
            draw.imageSmoothingQuality = 'high';
            draw.drawImage(canvas, 0, 0, size, size);
            scene.dispose();
            return small.toDataURL('image/webp', 0.9);
        }, { file, size: SIZE });
        fs.writeFileSync(path.join(FOLDER, String(thumbnail)), Buffer.from(picture.slice(picture.indexOf(',') + 1), 'base64'));
    }
}));
