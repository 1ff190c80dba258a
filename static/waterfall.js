/**
 * The timings panel: the last turns, each as a waterfall. The drawing is a table, so that screen readers can read it.
 */
import { element } from './dom.js';
import { SLOW_MS, servedBy } from './turns.js';

/**
 * @typedef {import('./turns.js').Turn} Turn
 * @typedef {import('./turns.js').Stage} Stage
 */

/** Intervals between the axis's ticks, in ms; the first that gives few enough ticks is used. */
const STEPS = [50, 100, 200, 250, 500, 1000, 2000, 5000, 10000];
const TICKS = 4;

/**
 * @param {number} ms
 * @returns {string}
 */
function formatMs(ms) {
    return `${Math.round(ms).toLocaleString('en')} ms`;
}

/**
 * @param {number} ms
 * @returns {string}
 */
function formatSeconds(ms) {
    return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * @param {string} name
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
function make(name, className, ...children) {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
}

/**
 * A stage's bar on an axis from 0 to `scale`.
 *
 * @param {Stage} stage
 * @param {number} scale
 * @returns {HTMLElement}
 */
function bar({ name, start, end, speculative }, scale) {
    const made = make('i', `bar${speculative ? ' ahead' : ''}`);
    made.dataset.stage = name;
    made.style.left = `${(100 * start) / scale}%`;
    made.style.width = `${(100 * (end - start)) / scale}%`;
    return made;
}

/**
 * @param {Stage[]} stages
 * @returns {{scale: number, step: number}} both in ms
 */
function axisOf(stages) {
    const last = Math.max(1, ...stages.map(({ end }) => end));
    const step = STEPS.find((step) => last / step <= TICKS) ?? Math.ceil(last / TICKS);
    return { scale: Math.ceil(last / step) * step, step };
}

/**
 * The badges beside the time in a turn's heading.
 *
 * @param {Turn} turn
 * @returns {string[]}
 */
function badgesOf({ typed, interrupted, total }) {
    return [
        ...(total !== null && total > SLOW_MS ? ['slow'] : []),
        ...(interrupted ? ['interrupted'] : []),
        ...(typed ? ['typed'] : []),
    ];
}

/**
 * @param {Turn} turn
 * @returns {string} empty when there is nothing to tell
 */
function afterwards({ typed, interrupted, spoken, heard, total, stages }) {
    const notes = [];
    if (stages.some(({ speculative }) => speculative)) {
        notes.push('Striped: prepared before the turn was decided, and not heard until then.');
    }
    if (interrupted) {
        notes.push(spoken === null ? 'Interrupted before it was heard.' : `Interrupted after ${formatSeconds(spoken)}.`);
    } else if (spoken !== null) {
        notes.push(`Spoke for ${formatSeconds(spoken)}.`);
    }
    if (heard === null && total !== null) {
        notes.push(`Time until it was sent${typed ? '' : ': this page could not measure when it was heard'}.`);
    }
    return notes.join(' ');
}

/**
 * @param {Turn} turn
 * @returns {HTMLElement}
 */
function tableOf({ question, stages, total }) {
    const { scale, step } = axisOf(stages);
    const axis = make('div', 'axis');
    axis.setAttribute('aria-hidden', 'true');
    for (let tick = 0; tick <= scale; tick += step) {
        const label = make('span', '', tick.toLocaleString('en'));
        label.style.left = `${(100 * tick) / scale}%`;
        axis.append(label);
    }
    const table = make('table', 'stages', make('caption', 'hidden-text', `Stages of the turn ${question}`));
    table.style.setProperty('--tick', `${(100 * step) / scale}%`);
    const head = make('tr', '', heading('col', 'Stage'), heading('col', 'From, to', axis), heading('col', 'Took'));
    head.children[0].firstElementChild?.classList.add('hidden-text');
    head.children[1].firstElementChild?.classList.add('hidden-text');
    const rows = stages.map((stage) => {
        const drawing = make('div', 'lane', bar(stage, scale));
        drawing.setAttribute('aria-hidden', 'true');
        const when = make('span', 'hidden-text', `${formatMs(stage.start)} to ${formatMs(stage.end)}`);
        return make('tr', '', heading('row', stage.label), make('td', '', drawing, when),
            make('td', '', formatMs(stage.end - stage.start)));
    });
    const sum = make('tr', 'sum', heading('row', 'Total'), make('td', ''), make('td', '', total === null ? '–' : formatMs(total)));
    table.append(make('thead', '', head), make('tbody', '', ...rows), make('tfoot', '', sum));
    return table;
}

/**
 * @param {'col' | 'row'} scope
 * @param {string} text
 * @param {...Node} more
 * @returns {HTMLElement}
 */
function heading(scope, text, ...more) {
    const made = make('th', '', make('span', '', text), ...more);
    made.setAttribute('scope', scope);
    return made;
}

/**
 * @typedef {Object} Card
 * @property {HTMLLIElement} item
 * @property {HTMLDetailsElement} details
 * @property {boolean} chosen - the person opened or closed it
 */

/** The panel, its button, and a card for every turn. */
export class WaterfallPanel {
    /**
     * @param {boolean} open
     * @param {(open: boolean) => void} onToggle
     */
    constructor(open, onToggle) {
        this.panel = element('timings', HTMLElement);
        this.button = element('open-timings', HTMLButtonElement);
        this.list = element('turns', HTMLOListElement);
        this.empty = element('timings-empty', HTMLElement);
        this.note = element('timings-note', HTMLElement);
        this.onToggle = onToggle;
        /** @type {Map<number, Card>} */
        this.cards = new Map();
        this.button.addEventListener('click', () => this.toggle());
        element('close-timings', HTMLButtonElement).addEventListener('click', () => {
            this.toggle();
            this.button.focus();
        });
        this.setOpen(open);
    }

    toggle() {
        this.setOpen(this.panel.hidden);
        this.onToggle(!this.panel.hidden);
        if (!this.panel.hidden) {
            this.panel.scrollIntoView({ block: 'nearest' });
        }
    }

    /** @param {boolean} open */
    setOpen(open) {
        this.panel.hidden = !open;
        this.button.setAttribute('aria-expanded', String(open));
        document.body.classList.toggle('timings-open', open);
    }

    clear() {
        this.show([]);
    }

    /** @param {Turn[]} turns - oldest first */
    show(turns) {
        const known = new Map(this.cards);
        const scale = Math.max(SLOW_MS, ...turns.map(({ stages }) => Math.max(0, ...stages.map(({ end }) => end))));
        this.cards.clear();
        for (const turn of turns) {
            const card = known.get(turn.response) ?? this.makeCard();
            this.fill(card, turn, scale);
            card.details.open = card.chosen ? card.details.open : turn === turns[turns.length - 1];
            this.cards.set(turn.response, card);
        }
        const items = [...this.cards.values()].reverse().map(({ item }) => item);
        for (const { item } of known.values()) {
            if (!items.includes(item)) {
                item.remove();
            }
        }
        // Moves only what is out of place, so that a card in place keeps the focus inside it.
        items.filter((item, i) => this.list.children[i] !== item).forEach((item) => {
            this.list.insertBefore(item, this.list.children[items.indexOf(item)] ?? null);
        });
        this.empty.hidden = turns.length > 0;
        this.note.textContent = summary(turns);
    }

    /** @returns {Card} */
    makeCard() {
        const details = document.createElement('details');
        const item = document.createElement('li');
        const head = document.createElement('summary');
        details.append(head, make('div', 'turn-body'));
        item.append(details);
        /** @type {Card} */
        const card = { item, details, chosen: false };
        head.addEventListener('click', () => (card.chosen = true));
        return card;
    }

    /**
     * @param {Card} card
     * @param {Turn} turn
     * @param {number} scale - of all turns' small drawings, so that they can be compared
     */
    fill({ item, details }, turn, scale) {
        item.className = `turn${turn.reason === '' ? '' : ' slow'}${turn.interrupted ? ' cut' : ''}`;
        const mini = make('span', 'lane mini', ...turn.stages.map((stage) => bar(stage, scale)));
        mini.setAttribute('aria-hidden', 'true');
        mini.style.setProperty('--limit', `${(100 * SLOW_MS) / scale}%`);
        mini.classList.toggle('limited', scale > SLOW_MS);
        const question = make('span', 'turn-question', turn.question || 'Unasked');
        question.dir = 'auto';
        details.firstElementChild?.replaceChildren(
            question,
            ...badgesOf(turn).map((badge) => make('span', `badge ${badge}`, badge)),
            make('span', 'turn-total', turn.total === null ? 'not heard' : formatMs(turn.total)),
            mini,
        );
        const notes = [['turn-reason', turn.reason], ['turn-note', afterwards(turn)], ['turn-note', servedBy(turn)]];
        details.lastElementChild?.replaceChildren(
            tableOf(turn),
            ...notes.filter(([, text]) => text !== '').map(([name, text]) => make('p', name, text)),
        );
    }
}

/**
 * @param {Turn[]} turns
 * @returns {string}
 */
function summary(turns) {
    const totals = turns.flatMap(({ total }) => (total === null ? [] : [total])).sort((a, b) => a - b);
    if (totals.length < 2) {
        return 'After your last spoken sound';
    }
    const middle = (totals.length - 1) / 2;
    const median = (totals[Math.floor(middle)] + totals[Math.ceil(middle)]) / 2;
    const dots = totals[totals.length - 1] > SLOW_MS ? ` (dots: ${formatMs(SLOW_MS)})` : '';
    return `Median of ${totals.length} turns: ${formatMs(median)}${dots}`;
}
