// The ServeMux of net/http. Argument: the port.
package main

import (
	"net/http"
	"os"
)

func says(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Served", name) }
}

func main() {
	mux := http.NewServeMux()
	mux.Handle("/docs/open", says("open"))
	mux.Handle("/pub/", says("pub"))
	mux.Handle("/docs/edit", says("edit"))
	mux.Handle("/docs/edit/", says("edit"))
	mux.Handle("/docs/dir/", says("dir"))
	mux.Handle("/", says("other"))
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
