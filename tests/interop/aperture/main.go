// aperture TARGET AUTHORITY LIGHTNING_RPC: the gRPC interceptor of Aperture buys a call and uses its token again; one line of JSON says what
// came of it. aperture serve: the service that is sold.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/lightninglabs/aperture/l402"
	"github.com/lightninglabs/lndclient"
	"github.com/lightningnetwork/lnd/lntypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// wallet pays through xpay of a Core Lightning node; nothing else of lnd is asked for.
type wallet struct {
	lndclient.LightningClient
	socket   string
	payments int
}

func (w *wallet) pay(invoice string) (lntypes.Preimage, error) {
	var preimage lntypes.Preimage
	node, err := net.Dial("unix", w.socket)
	if err != nil {
		return preimage, err
	}
	defer node.Close()
	call := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "xpay", "params": map[string]any{"invstring": invoice}}
	if err := json.NewEncoder(node).Encode(call); err != nil {
		return preimage, err
	}
	var reply struct {
		Result struct {
			Preimage string `json:"payment_preimage"`
		}
		Error any
	}
	if err := json.NewDecoder(node).Decode(&reply); err != nil {
		return preimage, err
	}
	if reply.Error != nil {
		return preimage, fmt.Errorf("xpay: %v", reply.Error)
	}
	w.payments++
	return lntypes.MakePreimageFromStr(reply.Result.Preimage)
}

func (w *wallet) PayInvoice(_ context.Context, invoice string, _ btcutil.Amount, _ *uint64) chan lndclient.PaymentResult {
	done := make(chan lndclient.PaymentResult, 1)
	preimage, err := w.pay(invoice)
	done <- lndclient.PaymentResult{Err: err, Preimage: preimage, PaidAmt: 1}
	return done
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
	}
	if err := buy(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve is what is sold: weather.Forecast/Get, on a port that it prints.
func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	get := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		return wrapperspb.String("sunny"), decode(&emptypb.Empty{})
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "weather.Forecast",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Get", Handler: get}},
	}, struct{}{})
	panic(server.Serve(listener))
}

func buy(target, authority, socket string) error {
	folder, err := os.MkdirTemp("", "l402")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	store, err := l402.NewFileStore(folder)
	if err != nil {
		return err
	}
	paying := &wallet{socket: socket}
	services := &lndclient.LndServices{ChainParams: &chaincfg.RegressionNetParams, Client: paying}
	interceptor := l402.NewInterceptor(services, store, 20*time.Second, 1000, 10, true)
	connection, err := grpc.Dial(target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(authority),
		grpc.WithUnaryInterceptor(interceptor.UnaryInterceptor), grpc.WithStreamInterceptor(interceptor.StreamInterceptor))
	if err != nil {
		return err
	}
	defer connection.Close()
	answers := []string{}
	for range 2 {
		var reply wrapperspb.StringValue
		if err := connection.Invoke(context.Background(), "/weather.Forecast/Get", &emptypb.Empty{}, &reply); err != nil {
			return err
		}
		answers = append(answers, reply.Value)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"answers": answers, "payments": paying.payments})
}
