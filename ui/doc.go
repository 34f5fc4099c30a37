// Package ui is a page for a browser on this machine that does what people do with
// pictures: enlarge, cut out, search a folder, look into networks, and get models.
//
// New makes a Server, which is an http.Handler. It answers only on loopback addresses,
// so the caller listens on 127.0.0.1. Address is what a browser opens; it has the token
// that every route below /api/ wants.
//
// # Routes
//
// Other programs may use the routes, too. A request has the token in a header
// "Authorization: Bearer TOKEN" or in a query "token=TOKEN". Bodies and answers are JSON
// unless stated. An error has a status from 400 on and {"error": "one line"}.
//
//	GET    /api/state                      version, device, open folders, limits
//	GET    /api/events                     jobs as they change: server-sent events "job" with a Job
//
//	POST   /api/pictures?name=NAME         takes a picture (the body is the file); returns a Picture
//	POST   /api/pictures/open              the same for {"folder", "file"} of an open folder
//	GET    /api/pictures/ID                the picture for a browser, at most 1600 pixels wide and high;
//	                                       with full=1 all of it
//
//	POST   /api/jobs                       starts a job: a Request; returns a Job
//	GET    /api/jobs                       all jobs, the oldest first
//	GET    /api/jobs/ID                    a job with its result
//	GET    /api/jobs/ID/files/NAME         a file of its result, such as a picture
//	POST   /api/jobs/ID/cancel             ends a job
//	DELETE /api/jobs/ID                    forgets a job that has ended
//
//	POST   /api/masks                      masks of a prompt: a Prompt; returns Masks
//	POST   /api/cutout                     a Prompt with "form": "cutout" or "mask"; returns a PNG
//
//	GET    /api/browse?path=PATH           the folders in a folder
//	GET    /api/folders                    the open folders
//	POST   /api/folders                    opens {"path"}
//	DELETE /api/folders/ID                 closes a folder
//	GET    /api/folders/ID/picture?file=F  a picture of a folder, at most 256 pixels wide and high
//	POST   /api/search                     a Query; returns Hits
//
//	GET    /api/models                     the models, their licences, and which are here
//	DELETE /api/models/NAME                removes the downloaded weights of a model, or a repository
//	GET    /api/repository?name=NAME       asks Hugging Face about hf:OWNER/NAME[@REVISION]; returns a Repository
//	GET    /api/devices                    the adapters
//	PUT    /api/device                     {"name", "backend"}: another device, while no job runs
//
// Kinds of jobs are enlarge, classify, attention, reconstruct, embed, everything, index,
// download, verify and measure. A Job that has ended stays until it is forgotten or fifty
// newer ones have ended.
//
// # Safety
//
// Requests from other pages are refused: the Host has to be the loopback address that
// was connected to, and the Origin, if there is one, the same. Pages load nothing from
// elsewhere (Content-Security-Policy) and run no inline script. Files are read only in
// folders that were opened, links out of them are not followed. Uploads have a bound.
// Pictures are kept in a temporary folder that Close removes.
package ui
