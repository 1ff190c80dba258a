/**
 * Downloads a file and reports its progress.
 */

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress - 0 to 1
 * @returns {Promise<ArrayBuffer>}
 * @throws with the server's status, if it does not send the file
 */
export async function download(url, signal, onProgress) {
    const response = await fetch(url, { signal });
    if (!response.ok) {
        throw new Error(`the server says ${response.status}`);
    }
    const total = Number(response.headers.get('content-length')) || 0;
    if (response.body === null || total === 0) {
        return response.arrayBuffer();
    }
    const chunks = [];
    let received = 0;
    const reader = response.body.getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
        if (value !== undefined) {
            chunks.push(value);
            received += value.length;
            onProgress(Math.min(1, received / total));
        }
    }
    return new Blob(chunks).arrayBuffer();
}
