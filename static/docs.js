/**
 * The page /docs: the server's own description of its API, with examples to copy.
 */
import { element, setText } from './dom.js';
import { matching, topicsOf } from './docs/operations.js';
import { sample } from './docs/samples.js';
import { cards } from './docs/view.js';

/**
 * @typedef {import('./docs/operations.js').Operation} Operation
 * @typedef {import('./docs/operations.js').Topic} Topic
 * @typedef {import('./docs/samples.js').Language} Language
 */

const STORED = 'visavis-docs-language';

const filter = element('filter', HTMLInputElement);
const place = element('topics', HTMLDivElement);
const found = element('found', HTMLElement);
const copied = element('copied', HTMLElement);
const problem = element('problem', HTMLElement);
const languages = /** @type {NodeListOf<HTMLInputElement>} */ (document.getElementsByName('language'));

/** The server, which this page came from. */
const server = new URL('.', location.href);

/** @type {Topic[]} */
let topics = [];
/** @type {any} */
let description = {};

/** @returns {Language} */
function language() {
    const chosen = [...languages].find(({ checked }) => checked)?.value;
    return chosen === 'python' || chosen === 'javascript' ? chosen : 'curl';
}

/** @param {Operation} operation */
const written = (operation) => sample(language(), operation, server);

/**
 * @param {Operation} operation
 * @param {HTMLButtonElement} button
 */
async function copy(operation, button) {
    try {
        await navigator.clipboard.writeText(written(operation));
        setText(copied, '');
        setText(copied, `The example of ${operation.method} ${operation.path} is copied.`);
        button.textContent = 'Copied';
        setTimeout(() => (button.textContent = 'Copy'), 2000);
    } catch {
        // Not on http, or not allowed: the person copies it.
        const text = button.parentElement?.querySelector('pre');
        if (text) {
            getSelection()?.selectAllChildren(text);
            text.focus();
        }
        setText(copied, 'Press Ctrl+C to copy the marked example.');
    }
}

function show() {
    const shown = matching(topics, filter.value);
    place.replaceChildren(...cards(shown, description, { of: written, copy: (operation, button) => void copy(operation, button) }));
    const count = shown.reduce((sum, { operations }) => sum + operations.length, 0);
    setText(found, filter.value.trim() === '' ? '' : count === 0 ? 'Nothing is found; try fewer words.' : `${count} found.`);
    openNamed();
}

/** Opens the operation that the address names. */
function openNamed() {
    const named = document.getElementById(location.hash.slice(1));
    if (named instanceof HTMLDetailsElement) {
        named.open = true;
        named.scrollIntoView();
    }
}

/** Writes the open examples in the language that is chosen. */
function rewrite() {
    const all = new Map(topics.flatMap(({ operations }) => operations).map((operation) => [operation.id, operation]));
    for (const block of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll('[data-sample]'))) {
        const operation = all.get(block.dataset.sample ?? '');
        const text = block.querySelector('pre');
        if (operation && text) {
            text.textContent = written(operation);
        }
    }
}

function remember() {
    try {
        localStorage.setItem(STORED, language());
    } catch {
        // Storage is not allowed: it is asked for again next time.
    }
}

function recall() {
    try {
        const stored = localStorage.getItem(STORED);
        languages.forEach((one) => (one.checked = one.value === stored || one.checked));
    } catch {
        // Nothing is stored.
    }
}

async function load() {
    try {
        const response = await fetch(new URL('openapi.json', server));
        if (!response.ok) {
            throw new Error(`it answers ${response.status}`);
        }
        description = await response.json();
    } catch (error) {
        problem.hidden = false;
        problem.textContent = `The description cannot be loaded (${error instanceof Error ? error.message : error}). Reload the page.`;
        return;
    }
    topics = topicsOf(description);
    setText(element('about', HTMLElement), description.info?.description ?? '');
    show();
}

recall();
filter.addEventListener('input', show);
languages.forEach((one) => one.addEventListener('change', () => {
    remember();
    rewrite();
}));
window.addEventListener('hashchange', openNamed);
await load();
