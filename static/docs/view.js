/**
 * Topics and operations as elements of the page.
 */
import { kindOf, rowsOf } from './operations.js';

/**
 * @typedef {import('./operations.js').Operation} Operation
 * @typedef {import('./operations.js').Row} Row
 * @typedef {import('./operations.js').Topic} Topic
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name - its class; empty: none
 * @param {(string | Node)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function made(tag, name, ...children) {
    const element = document.createElement(tag);
    if (name !== '') {
        element.className = name;
    }
    element.append(...children);
    return element;
}

/**
 * Text in which `backticks` are code.
 *
 * @param {string} text
 * @returns {(string | Node)[]}
 */
function prose(text) {
    return text.split('`').map((part, at) => (at % 2 === 1 ? made('code', '', part) : part));
}

/**
 * @typedef {Object} Samples
 * @property {(operation: Operation) => string} of - the example to show
 * @property {(operation: Operation, done: HTMLButtonElement) => void} copy
 */

/**
 * @param {Topic[]} topics
 * @param {any} whole - the description
 * @param {Samples} samples
 * @returns {HTMLElement[]}
 */
export function cards(topics, whole, samples) {
    return topics.map(({ name, description, operations }) => {
        const heading = made('h2', '', name);
        heading.id = `topic-${name.toLowerCase()}`;
        const card = made('section', 'card', heading, made('p', 'note', ...prose(description)));
        card.setAttribute('aria-labelledby', heading.id);
        card.append(...operations.map((operation) => operationOf(operation, whole, samples)));
        return card;
    });
}

/**
 * @param {Operation} operation
 * @param {any} whole
 * @param {Samples} samples
 */
function operationOf(operation, whole, samples) {
    const { id, method, path, summary } = operation;
    const head = made('summary', '', made('span', 'method', method), made('span', 'address', path), made('span', 'short', summary));
    const details = made('details', 'operation', head);
    details.id = id;
    let filled = false;
    // What nobody opens is not built.
    details.addEventListener('toggle', () => {
        if (details.open && !filled) {
            filled = true;
            details.append(inside(operation, whole, samples));
        }
    });
    return details;
}

/**
 * @param {Operation} operation
 * @param {any} whole
 * @param {Samples} samples
 */
function inside(operation, whole, samples) {
    const { description, key, parameters, bodies, answers } = operation;
    const parts = made('div', 'inside');
    if (description !== '') {
        parts.append(made('p', '', ...prose(description)));
    }
    if (key) {
        parts.append(made('p', 'note', 'Needs the key of whoever runs the server: ', made('code', '', 'Authorization: Bearer …')));
    }
    parts.append(made('h3', '', 'Example'), sampleOf(operation, samples));
    if (parameters.length > 0) {
        parts.append(made('h3', '', 'Parameters'), list(parameters.map(({ name, place, needed, schema }) => (
            { name, kind: `${kindOf(schema, whole)}, in the ${place}`, needed, what: schema.description ?? '', rows: [] }
        ))));
    }
    for (const { kind, schema } of bodies) {
        parts.append(made('h3', '', 'Body: ', made('code', '', kind)), shape(schema, whole));
    }
    for (const { status, what, bodies: forms, headers } of answers) {
        parts.append(made('h3', '', status === 'default' ? 'Any other status' : `Status ${status}`), made('p', 'note', what));
        if (headers.length > 0) {
            parts.append(list(headers.map(({ name, what: says }) => ({ name, kind: 'header', needed: false, what: says, rows: [] }))));
        }
        for (const { kind, schema, example } of forms) {
            parts.append(made('p', 'note', made('code', '', kind)), shape(schema, whole));
            if (example !== undefined) {
                parts.append(code(JSON.stringify(example, null, 2), `An example of ${kind}`));
            }
        }
    }
    return parts;
}

/**
 * @param {any} schema
 * @param {any} whole
 * @returns {HTMLElement} its fields, or what it is
 */
function shape(schema, whole) {
    const rows = rowsOf(schema, whole);
    return rows.length > 0 ? list(rows) : made('p', 'note', `${kindOf(schema, whole)}. ${schema.description ?? ''}`);
}

/**
 * @param {Row[]} rows
 * @returns {HTMLElement}
 */
function list(rows) {
    return made('ul', 'fields', ...rows.map(({ name, kind, needed, what, rows: inner }) => {
        const item = made('li', '', made('code', '', name), made('span', 'kind', kind));
        if (needed) {
            item.append(made('span', 'must', 'always'));
        }
        if (what !== '') {
            item.append(made('span', 'says', ...prose(what)));
        }
        if (inner.length > 0) {
            item.append(list(inner));
        }
        return item;
    }));
}

/**
 * @param {string} text
 * @param {string} label
 */
function code(text, label) {
    const pre = made('pre', '', text);
    // It scrolls, so the keyboard must reach it.
    pre.tabIndex = 0;
    pre.setAttribute('role', 'group');
    pre.setAttribute('aria-label', label);
    return made('div', 'sample', pre);
}

/**
 * @param {Operation} operation
 * @param {Samples} samples
 */
function sampleOf(operation, samples) {
    const name = `${operation.method} ${operation.path}`;
    const block = code(samples.of(operation), `An example of ${name}`);
    block.dataset.sample = operation.id;
    const button = made('button', 'button', 'Copy');
    button.type = 'button';
    button.setAttribute('aria-label', `Copy the example of ${name}`);
    button.addEventListener('click', () => samples.copy(operation, button));
    block.append(button);
    return block;
}
