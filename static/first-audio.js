/**
 * When a response began to be heard, measured where it is played.
 */

const TIMEOUT_MS = 2000;
const POLL_MS = 20;
/** The sound may come this much before the message that announces it. Sound that began earlier is a filler. */
const EARLY_SECONDS = 0.5;

/**
 * Waits for the response's first sound, right after the server has announced it.
 *
 * @param {import('./audio.js').AudioGraph} graph
 * @param {() => boolean} live - whether the call is still up
 * @returns {Promise<number | null>} milliseconds after the person's last spoken sample; null when it cannot be known
 */
export async function firstAudioMs(graph, live) {
    const { at, voiceEnd } = graph.levels;
    const earliest = Math.max(voiceEnd, at - EARLY_SECONDS);
    const deadline = performance.now() + TIMEOUT_MS;
    while (voiceEnd >= 0 && live() && performance.now() < deadline) {
        const { answerStart } = graph.levels;
        if (answerStart > earliest) {
            return Math.round((answerStart - voiceEnd + graph.outputLatency) * 1000);
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return null;
}
