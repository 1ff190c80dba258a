// What the audio thread knows beyond the page; TypeScript's DOM library leaves it out.

declare abstract class AudioWorkletProcessor {
    readonly port: MessagePort;
    abstract process(
        inputs: Float32Array[][],
        outputs: Float32Array[][],
        parameters: Record<string, Float32Array>,
    ): boolean;
}

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare const sampleRate: number;
declare const currentTime: number;
declare const currentFrame: number;
