/**
 * How similar two texts are, by their words.
 */

/**
 * @param {string} text
 * @returns {string[]} lower case, without punctuation
 */
export function words(text) {
    return text
        .toLowerCase()
        .normalize('NFKC')
        .replace(/[’']/g, '')
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word !== '');
}

/**
 * @param {string} expected
 * @param {string} actual
 * @returns {number} 0 when equal: substitutions, deletions and insertions per expected word
 */
export function wordErrorRate(expected, actual) {
    const want = words(expected);
    const got = words(actual);
    let row = got.map((_, i) => i + 1);
    row.unshift(0);
    for (let i = 1; i <= want.length; i++) {
        const next = [i];
        for (let j = 1; j <= got.length; j++) {
            const substituted = row[j - 1] + (want[i - 1] === got[j - 1] ? 0 : 1);
            next.push(Math.min(substituted, row[j] + 1, next[j - 1] + 1));
        }
        row = next;
    }
    return row[got.length] / Math.max(1, want.length);
}

/**
 * @param {string} expected
 * @param {string} actual
 * @returns {number} how many of the expected words appear, in order: 0 to 1
 */
export function wordsInOrder(expected, actual) {
    const want = words(expected);
    const got = words(actual);
    let row = new Array(got.length + 1).fill(0);
    for (const word of want) {
        const next = [0];
        for (let j = 1; j <= got.length; j++) {
            next.push(word === got[j - 1] ? row[j - 1] + 1 : Math.max(row[j], next[j - 1]));
        }
        row = next;
    }
    return row[got.length] / Math.max(1, want.length);
}
