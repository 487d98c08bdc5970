// Watches with the WebSocket that comes with node; prints `open`, then each message on a line of its own.
// usage: node --experimental-websocket websocket_client.js URL MESSAGES

const [url, messages] = process.argv.slice(2);
const socket = new WebSocket(url);
let left = Number(messages);
socket.onopen = () => console.log("open");
socket.onmessage = ({ data }) => {
  console.log(data);
  left -= 1;
  if (left === 0) socket.close(1000);
};
socket.onclose = ({ code, wasClean }) => process.exit(left === 0 && code === 1000 && wasClean ? 0 : 1);
