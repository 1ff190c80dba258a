/**
 * The page and its tests are JavaScript with types in their comments; the compiler reads them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

for (const project of ['tsconfig.page.json', 'tsconfig.json']) {
    test(`the types of ${project} hold`, () => {
        const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', project], { cwd: here, encoding: 'utf8' });
        assert.equal(status, 0, stdout);
    });
}
