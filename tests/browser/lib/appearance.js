/**
 * Checks that every appearance of the page must pass.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';

/** @typedef {import('playwright-core').Page} Page */

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const DEVICES = {
    desktop: { viewport: { width: 1280, height: 800 } },
    phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

/** Rules of axe that are enforced although it rates them moderate. */
const GRAVE = ['landmark-unique'];

/**
 * @param {Page} page
 * @param {string} where
 */
export async function assertAccessible(page, where) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const grave = violations.filter(({ id, impact }) => impact === 'serious' || impact === 'critical' || GRAVE.includes(id));
    const told = grave.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((/** @type {any} */ n) => n.html).join(' ')})`);
    assert.deepEqual(told, [], where);
}

/**
 * @param {Page} page
 * @param {string} where
 */
export async function assertNoSidewaysScroll(page, where) {
    const { content, width } = await page.evaluate(() => ({
        content: document.documentElement.scrollWidth,
        width: document.documentElement.clientWidth,
    }));
    assert.ok(content <= width, `${where}: ${content} px of content in ${width} px`);
}

/**
 * @param {Page} page
 * @param {string} selector
 * @returns {Promise<boolean>} whether the whole element is in the window, with no part scrolled or clipped away
 */
export function inWindow(page, selector) {
    return page.locator(selector).evaluate((element) => new Promise((resolve) => {
        const observer = new IntersectionObserver(([{ boundingClientRect: whole, intersectionRect: seen }]) => {
            observer.disconnect();
            resolve(whole.height > 0 && seen.width >= whole.width - 1 && seen.height >= whole.height - 1);
        });
        observer.observe(element);
    }));
}

/**
 * Waits until fades are over, as a half-faded text lacks contrast. Endless animations are not waited for.
 *
 * @param {Page} page
 */
export async function settle(page) {
    await page.evaluate(() => {
        const finite = document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity);
        return Promise.allSettled(finite.map((a) => a.finished)).then(() => undefined);
    });
}
