// What scripts that look at a mix of the MCU have in common: what a page shows and lets hear.

/** Colours of the mix at places in thousandths of its edges, and whether a tone is heard. */
export function look({ places, tone }) {
  const video = document.getElementById("mix");
  const seen = { colors: [], gap: window.gap };
  if (video.videoWidth > 2) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 320, 180);
    seen.colors = places.map(([x, y]) => [...context.getImageData(Math.floor(x * 0.32), Math.floor(y * 0.18), 1, 1).data].slice(0, 3));
  }
  if (!window.ears && window.mcu.stream.getAudioTracks().length > 0) {
    const sound = new AudioContext({ sampleRate: 48000 });
    window.ears = new AnalyserNode(sound, { fftSize: 16384, smoothingTimeConstant: 0, minDecibels: -120 });
    sound.createMediaStreamSource(window.mcu.stream).connect(window.ears);
  }
  if (window.ears) {
    const levels = new Float32Array(window.ears.frequencyBinCount);
    window.ears.getFloatFrequencyData(levels);
    const bin = Math.round((tone * 16384) / 48000);
    seen.level = Math.max(...levels.slice(bin - 1, bin + 2));
  }
  return seen;
}

/**
 * Notes what is played, from now on: how great a step would be that is as sharp as the sharpest place (by the fourth differences, which tones do not
 * have and clicks do), and where it was. What comes is all that is played, as it is: no other clock is asked for it.
 */
export async function listen() {
  const heard = (window.heard = { step: 0, at: 0, samples: 0, sharp: [] });
  const track = window.mcu.stream.getAudioTracks()[0];
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 500 }).readable.getReader();
  let past = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const samples = new Float32Array(value.numberOfFrames);
    value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    heard.rate = value.sampleRate;
    value.close();
    const all = [...past, ...samples];
    for (let index = 4; index < all.length; index += 1) {
      const step = Math.abs(all[index] - 4 * all[index - 1] + 6 * all[index - 2] - 4 * all[index - 3] + all[index - 4]) / 3;
      if (step > heard.step) [heard.step, heard.at] = [step, heard.samples];
      if (step > 0.01) heard.sharp.push([heard.samples + index, Number(step.toFixed(4))]);
    }
    heard.samples += samples.length;
    past = all.slice(-4);
  }
}

export const near = (seen, wanted, slack = 70) => seen !== undefined && seen.every((value, index) => Math.abs(value - wanted[index]) < slack);
