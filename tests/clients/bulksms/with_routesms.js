// The npm package routesms, unmodified, with its host and credentials filled in; prints its answer as JSON.
const routesms = require("routesms");
const [host, port] = process.env.HOST.split(":");

routesms.connection = { host, port, username: process.env.USERNAME, password: process.env.PASSWORD };
routesms.sender.source = process.env.SENDER;
routesms.sender.destinaton = process.env.DESTINATION.split(",");
routesms.sender.message = process.env.MESSAGE;
routesms.send(process.env.KIND, (answer) => console.log(JSON.stringify(answer)));
