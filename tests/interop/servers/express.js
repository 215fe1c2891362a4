// The routers of Express as they are by default. Argument: the port.
const express = require("express");
const app = express();
const says = (name) => (request, response) => response.set("X-Served", name).send(name);
app.all("/docs/open", says("open"));
app.use("/pub", says("pub"));
app.use("/docs/edit", says("edit"));
app.use("/docs/dir", says("dir"));
app.use(says("other"));
app.use((error, request, response, next) => response.status(400).send("malformed"));
app.listen(Number(process.argv[2]), "127.0.0.1");
