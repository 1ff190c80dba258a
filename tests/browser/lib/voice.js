/**
 * A microphone that sounds when the test wants: `window.speak(from, to)`, in seconds from now.
 *
 * @typedef {import('playwright-core').Page} Page
 */

/**
 * Gives the page a microphone that sounds when the test wants.
 *
 * @param {Page} page
 */
export function voiceForMicrophone(page) {
    return page.addInitScript(() => {
        navigator.mediaDevices.getUserMedia = async () => {
            const context = new AudioContext();
            const tone = new OscillatorNode(context, { frequency: 440 });
            const volume = new GainNode(context, { gain: 0 });
            const out = context.createMediaStreamDestination();
            tone.connect(volume).connect(out);
            tone.start();
            const speak = (/** @type {number} */ from, /** @type {number} */ to) => {
                volume.gain.setValueAtTime(0.5, context.currentTime + from);
                volume.gain.setValueAtTime(0, context.currentTime + to);
            };
            Object.assign(window, { speak });
            return out.stream;
        };
    });
}
