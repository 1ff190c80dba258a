/**
 * When an answer began to be heard, measured where it is heard.
 */

const TIMEOUT_MS = 2000;
const POLL_MS = 20;
/** The sound may come this much before the message that announces it. What began earlier is a holding phrase. */
const EARLY_SECONDS = 0.5;

/**
 * Waits for the answer's first sound, right after the server has said that it begins.
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
