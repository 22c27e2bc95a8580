// Axis's library for browsers plays RTSP inside of a WebSocket, and the pictures go into a file.
//
//     node websocket.js rtsp://HOST/PATH ws://HOST/ FILE.h264
import { createWriteStream } from "node:fs";
import { WebSocket } from "ws";

globalThis.WebSocket = WebSocket;
globalThis.window = globalThis;
globalThis.location = { hostname: "localhost", host: "localhost", protocol: "http:" };
const folder = new URL("node_modules/media-stream-library/dist/", import.meta.url);
const { H264Depay, RtspPipeline, WSSource, Tube, MessageType } = await import(new URL("browser-esm.js", folder));

const [uri, ws, path] = process.argv.slice(2);
const out = createWriteStream(path);
const pipeline = new RtspPipeline({ uri });
let media = 0;
const gone = new Set();
pipeline.append(
  new H264Depay(),
  Tube.fromHandlers((message) => {
    if (message.type === MessageType.H264) {
      // Each unit has its length before it; in a file of its own it has a start code.
      for (let at = 0; at + 4 <= message.data.length; ) {
        const length = message.data.readUInt32BE(at);
        message.data.writeUInt32BE(1, at);
        at += 4 + length;
      }
      out.write(message.data);
    } else if (message.type === MessageType.RTCP && message.data.includes(Buffer.from([0x81, 203, 0, 1]))) {
      gone.add(message.channel);
      if (gone.size === media) {
        out.end(() => process.exit(0));
      }
    }
  }),
);
pipeline.lastComponent.incoming.resume();
pipeline.rtsp.onSdp = (sdp) => {
  media = sdp.media.length;
  // The library leaves the parameter sets in the stream out, for those in the description.
  for (const set of JSON.stringify(sdp).match(/sprop-parameter-sets[":=]+([A-Za-z0-9+/=,]+)/)[1].split(",")) {
    out.write(Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from(set, "base64")]));
  }
};
const source = await WSSource.open({ uri: ws, protocol: "rtsp.onvif.org" });
source.onServerClose = () => out.end(() => process.exit(1));
pipeline.prepend(source);
pipeline.rtsp.play();
