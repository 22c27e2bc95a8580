// A WebRTC client that nobody here wrote: libdatachannel, by which OBS Studio publishes, put together as it is there (its packetizer of H.264,
// its sender reports, its answers to who misses packets); ffmpeg encodes and decodes.
//
//   node datachannel.js publish URL        sends a blue picture and a tone of 440 Hz by WHIP, until it is ended
//   node datachannel.js play URL SECONDS   plays by WHEP; prints how many pictures came and their mean colour, how much sound and its tone

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import datachannel from "node-datachannel";

const { Audio, H264RtpPacketizer, PeerConnection, RtcpNackResponder, RtcpReceivingSession, RtcpSrReporter, RtpPacketizationConfig, RtpPacketizer, Video } = datachannel;
const PICTURES = { type: 96, clock: 90_000, rate: 25 };
const SOUND = { type: 111, clock: 48_000 };
const PATIENCE = 60_000;
const [what, url, seconds] = process.argv.slice(2);

const peer = new PeerConnection("libdatachannel", { iceServers: [] });
const video = new Video("video", what === "publish" ? "SendOnly" : "RecvOnly");
const audio = new Audio("audio", what === "publish" ? "SendOnly" : "RecvOnly");
video.addH264Codec(PICTURES.type);
audio.addOpusCodec(SOUND.type);

async function connect() {
  const gathered = new Promise((resolve) => peer.onGatheringStateChange((state) => state === "complete" && resolve()));
  peer.setLocalDescription("offer");
  await gathered;
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: peer.localDescription().sdp });
  if (answer.status !== 201) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
  const connected = new Promise((resolve, reject) =>
    peer.onStateChange((state) => (state === "connected" ? resolve() : state === "failed" && reject(new Error("it does not connect")))),
  );
  peer.setRemoteDescription(await answer.text(), "answer");
  await connected;
}

async function listen() {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** A section by which is sent. */
function sender(media, format, make) {
  const ssrc = 1 + Math.floor(Math.random() * 0xffff_fffe);
  media.addSSRC(ssrc, "cname", "stream", media.mid());
  const config = new RtpPacketizationConfig(ssrc, "cname", format.type, format.clock);
  const packetizer = make(config);
  packetizer.addToChain(new RtcpSrReporter(config));
  packetizer.addToChain(new RtcpNackResponder());
  const track = peer.addTrack(media);
  track.setMediaHandler(packetizer);
  const first = config.timestamp;
  return (time, data) => {
    config.timestamp = (first + time) >>> 0;
    if (track.isOpen()) track.sendMessageBinary(data);
  };
}

async function publish() {
  const show = sender(video, PICTURES, (config) => new H264RtpPacketizer("StartSequence", config, 1200));
  const sound = sender(audio, SOUND, (config) => new RtpPacketizer(config));
  await connect();
  console.log("published");
  const socket = await listen();
  let started = null;
  socket.on("message", (packet) => {
    const time = packet.readUInt32BE(4);
    started ??= time;
    sound((time - started) >>> 0, packet.subarray(12));
  });
  const ffmpeg = spawn("ffmpeg", [
    ..."-v error -re -f lavfi -i color=blue:size=320x240:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000".split(" "),
    ..."-map 0 -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 25 -x264-params aud=1 -f h264 pipe:1".split(" "),
    ..."-map 1 -c:a libopus -ac 2 -b:a 64k -f rtp".split(" "),
    `rtp://127.0.0.1:${socket.address().port}`,
  ], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => ffmpeg.kill());
  // A picture begins with a delimiter.
  const delimiter = Buffer.from([0, 0, 0, 1, 9]);
  let waiting = Buffer.alloc(0);
  let count = 0;
  ffmpeg.stdout.on("data", (data) => {
    waiting = Buffer.concat([waiting, data]);
    for (let next; (next = waiting.indexOf(delimiter, 1)) > 0; waiting = waiting.subarray(next)) {
      show((count++ * PICTURES.clock) / PICTURES.rate, waiting.subarray(0, next));
    }
  });
}

async function play() {
  const ports = [];
  const out = await listen();
  for (const media of [video, audio]) {
    const track = peer.addTrack(media);
    track.setMediaHandler(new RtcpReceivingSession());
    // An even one that is free, for now; ffmpeg takes the next one for RTCP.
    const socket = await listen();
    const port = socket.address().port & ~1;
    socket.close();
    ports.push(port);
    track.onMessage((packet) => out.send(packet, port, "127.0.0.1"));
    if (media === video) setInterval(() => track.isOpen() && track.requestKeyframe(), 1000);
  }
  const sdp = [
    "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
    `m=video ${ports[0]} RTP/AVP ${PICTURES.type}`, `a=rtpmap:${PICTURES.type} H264/${PICTURES.clock}`, `a=fmtp:${PICTURES.type} packetization-mode=1`,
    `m=audio ${ports[1]} RTP/AVP ${SOUND.type}`, `a=rtpmap:${SOUND.type} opus/${SOUND.clock}/2`, "",
  ].join("\n");
  const ffmpeg = spawn("ffmpeg", [
    ..."-v fatal -protocol_whitelist pipe,fd,udp,rtp -f sdp -i pipe:0 -map 0:v -vf scale=1:1 -f rawvideo -pix_fmt rgb24 pipe:1".split(" "),
    ..."-map 0:a -ac 1 -ar 48000 -f s16le pipe:3".split(" "),
  ], { stdio: ["pipe", "pipe", "inherit", "pipe"] });
  process.on("exit", () => ffmpeg.kill());
  ffmpeg.stdin.end(sdp);
  const seen = { pictures: 0, colour: null, sound: 0, hertz: 0 };
  ffmpeg.stdout.on("data", (data) => {
    seen.pictures += data.length / 3;
    seen.colour = [...data.subarray(-3)];
  });
  const heard = [];
  ffmpeg.stdio[3].on("data", (data) => {
    heard.push(data);
    seen.sound += data.length / 2 / SOUND.clock;
  });
  await connect();
  const end = Date.now() + PATIENCE;
  while (Date.now() < end && (seen.pictures < 20 * seconds || seen.sound < seconds)) await new Promise((resolve) => setTimeout(resolve, 100));
  // The last second: what came first may have been put together.
  const all = Buffer.concat(heard);
  const last = all.subarray(Math.max(all.length - 2 * SOUND.clock, 0) & ~1);
  const samples = new Int16Array(last.buffer.slice(last.byteOffset, last.byteOffset + (last.length & ~1)));
  let crossings = 0;
  for (let at = 1; at < samples.length; at++) crossings += samples[at - 1] < 0 !== samples[at] < 0;
  seen.hertz = (crossings / 2) * (SOUND.clock / Math.max(samples.length, 1));
  console.log(JSON.stringify(seen));
  process.exit(0);
}

await (what === "publish" ? publish() : play());
