/**
 * The page /speech: a text is spoken, and a recording is read.
 */
import { element, setText } from './dom.js';
import { LANGUAGES, languageLabel } from './languages.js';
import { Listening } from './speech/listening.js';
import { Speaking } from './speech/speaking.js';
import { groupVoices, loadVoices } from './voices.js';

const voice = element('voice', HTMLSelectElement);
const language = element('heard-language', HTMLSelectElement);

new Speaking();
const listening = new Listening();

/** Lists the voices by language, as the call page does. */
async function fillVoices() {
    try {
        const groups = groupVoices(await loadVoices('')).map(({ label, voices }) => {
            const group = document.createElement('optgroup');
            group.label = label;
            group.append(...voices.map(({ name, title }) => new Option(title, name)));
            return group;
        });
        voice.append(...groups);
    } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        setText(element('voice-help', HTMLElement), `The voices could not be listed: ${why} The usual one speaks; reload the page to choose.`);
    }
}

function fillLanguages() {
    const options = LANGUAGES.map(([code]) => new Option(languageLabel(code), code));
    language.append(...options);
}

/** @param {DragEvent} event */
function dragged(event) {
    if (event.dataTransfer === null || ![...event.dataTransfer.types].includes('Files')) {
        return; // text that is dragged into the form
    }
    event.preventDefault();
    document.body.classList.toggle('dropping', event.type === 'dragover');
    const [file] = event.dataTransfer.files;
    if (event.type === 'drop' && file !== undefined) {
        void listening.hear(file);
    }
}

fillLanguages();
void fillVoices();
document.addEventListener('dragover', dragged);
document.addEventListener('dragleave', dragged);
document.addEventListener('drop', dragged);
