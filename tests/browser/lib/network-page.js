/**
 * The page /call/network, as a test sees it.
 *
 * @typedef {import('playwright-core').Page} Page
 */

/** All tests with their time limits; a small machine is slow. */
export const PATIENCE = { timeout: 120000 };

/**
 * Runs the test of the page and waits for its sentence.
 *
 * @param {Page} page
 * @param {string} [button]
 * @returns {Promise<string>} the sentence
 */
export async function runTest(page, button = 'Start the test') {
    await page.getByRole('button', { name: button }).click();
    await page.waitForFunction(() => document.getElementById('verdict')?.textContent !== '', undefined, PATIENCE);
    return (await page.locator('#verdict').textContent()) ?? '';
}

/**
 * @param {Page} page
 * @returns {Promise<Record<string, string>>} the state of each test
 */
export function states(page) {
    return page.locator('.check').evaluateAll((items) => Object.fromEntries(
        items.map((item) => [item.getAttribute('data-check') ?? '', item.getAttribute('data-state') ?? '']),
    ));
}

/** @param {Page} page */
export function report(page) {
    return page.locator('#report').inputValue();
}
