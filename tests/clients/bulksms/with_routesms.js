// The npm package routesms, unmodified, with its host and credentials filled in; prints its answer as JSON.
// It has no call for later, but its path is a setting: WHEN is what a scheduled message has besides.
const routesms = require("routesms");
const [host, port] = process.env.HOST.split(":");

routesms.connection = { host, port, username: process.env.USERNAME, password: process.env.PASSWORD };
routesms.sender.source = process.env.SENDER;
routesms.sender.destinaton = process.env.DESTINATION.split(",");
routesms.sender.message = process.env.MESSAGE;
if (process.env.WHEN) routesms.sender.path = `/bulksms/schedulemsg?${process.env.WHEN}&`;
routesms.send(process.env.KIND, (answer) => console.log(JSON.stringify(answer)));
