// @discordjs/proxy in front of the API at an address; prints its port. NODE_PATH is where npm has installed the package.
// Without retries: whoever sends a message knows best whether to send it again.
const { createServer } = require("node:http");
const { REST } = require("@discordjs/rest");
const { proxyRequests } = require("@discordjs/proxy");

const rest = new REST({ api: process.argv[2], retries: 0 });
const server = createServer(proxyRequests(rest));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
