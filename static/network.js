/**
 * The page /call/network: the tests, their lines, the sentence at their end, and the report.
 */
import { element } from './dom.js';
import { CHECKS, noResults } from './network/checks.js';
import { report } from './network/report.js';
import { Rows } from './network/rows.js';
import { NetworkTest } from './network/run.js';
import { verdict } from './network/verdict.js';
import { CallProblem, adviceFor } from './problems.js';
import { loadSettings } from './settings.js';
import { Signalling } from './signalling.js';

const start = element('start', HTMLButtonElement);
const copy = element('copy', HTMLButtonElement);
const copied = element('copied', HTMLElement);
const said = element('verdict', HTMLElement);
const progress = element('progress', HTMLElement);
const whole = element('whole', HTMLDetailsElement);
const text = element('report', HTMLTextAreaElement);
const rows = new Rows(element('checks', HTMLOListElement), CHECKS);

/** The server of the call page that led here, or the one that this page came from, a folder above it. */
const here = new URL('..', location.href);
const asked = new URLSearchParams(location.search).get('backend') ?? '';

/** @type {AbortController | null} The run in progress. */
let current = null;
/** The page was left while a test ran. */
let wasLeft = false;

/** Tests everything, from the beginning: a run in progress is given up. */
async function test() {
    current?.abort(new Error('a new test began'));
    const run = new AbortController();
    current = run;
    clear();
    try {
        const signalling = new Signalling(asked === '' ? here.href : asked);
        const tests = new NetworkTest(signalling, run.signal, {
            onResult: (id, result) => {
                rows.show(id, result);
                if (result.state === 'testing' && id !== 'microphone') {
                    progress.textContent = `Testing: ${CHECKS.find((check) => check.id === id)?.name}`;
                }
            },
            onLevel: (level) => rows.level(level),
        }, loadSettings().microphone);
        await tests.run();
        finish(signalling, tests);
    } catch (error) {
        if (!run.signal.aborted) {
            conclude('bad', reason(error));
        }
    } finally {
        if (current === run) {
            current = null;
        }
    }
}

/** As the page is before the first test. */
function reset() {
    clear();
    start.textContent = 'Start the test';
    document.title = 'Network test · Visavis';
}

function clear() {
    progress.textContent = '';
    const results = noResults();
    CHECKS.forEach(({ id }) => rows.show(id, results[id]));
    rows.level(null);
    start.textContent = 'Test again';
    copy.hidden = true;
    whole.hidden = true;
    copied.textContent = '';
    said.textContent = '';
    said.removeAttribute('data-level');
    document.title = 'Testing… · Visavis';
}

/**
 * @param {Signalling} signalling
 * @param {NetworkTest} tests - that have ended
 */
function finish(signalling, { results, told }) {
    const { level, sentence } = verdict(results, { host: signalling.base.host, port: told.udp?.port ?? null });
    const udp = told.udp === null ? '' : `port ${told.udp.port}, at ${told.udp.candidates.join(' ')}`;
    text.value = report(results, {
        time: new Date().toISOString(),
        server: signalling.base.href,
        client: told.client,
        udp,
        browser: navigator.userAgent,
        sentence,
    });
    copy.hidden = false;
    whole.hidden = false;
    conclude(level, sentence);
}

/**
 * @param {import('./network/verdict.js').Verdict['level']} level
 * @param {string} sentence
 */
function conclude(level, sentence) {
    progress.textContent = '';
    said.dataset.level = level;
    said.textContent = sentence;
    document.title = `${level === 'good' ? 'Works' : level === 'limited' ? 'Works in part' : 'Does not work'} · Network test · Visavis`;
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function reason(error) {
    if (!(error instanceof CallProblem)) {
        return `The test broke off: ${error}. Reload the page and test again.`;
    }
    const { title, text: what } = adviceFor(error, asked);
    return `${title}. ${what}`;
}

async function copyReport() {
    try {
        await navigator.clipboard.writeText(text.value);
        copied.textContent = 'Copied.';
    } catch {
        // Not on http, or not allowed: the person copies it.
        whole.open = true;
        text.focus();
        text.select();
        copied.textContent = 'Press Ctrl+C, or copy the marked text.';
    }
}

reset();
if (asked !== '') {
    const elsewhere = element('elsewhere', HTMLElement);
    elsewhere.hidden = false;
    elsewhere.textContent = `This page tests the way to ${asked}.`;
}
start.addEventListener('click', () => void test());
copy.addEventListener('click', () => void copyReport());
window.addEventListener('pagehide', () => {
    wasLeft = current !== null;
    current?.abort(new Error('the page is left'));
});
// Browsers keep a page that was left, and show it as it was: no line may say that it is being tested.
window.addEventListener('pageshow', () => wasLeft && reset());
