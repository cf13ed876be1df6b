// Package promises runs the simulation as far as fits into every test run: all
// single faults, a part of all pairs, and random schedules. The rest is
// `tokenkeeper simulate`.
package promises

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/simulation"
)

// requireKept runs the plans and fails for every run that breaks a promise, with
// the command that replays it.
func requireKept(t *testing.T, plans iter.Seq[simulation.Plan]) simulation.Summary {
	t.Helper()
	s := simulation.Simulate(context.Background(), plans, runtime.GOMAXPROCS(0), nil)
	for _, b := range s.Broken {
		t.Errorf("%v: replay it by: tokenkeeper simulate --trace --replay '%s'", b.Counters, b.Minimised)
	}
	t.Logf("%d runs, %.1f simulated years, %d rotations", s.Runs, s.SimulatedYears, s.Rotations)
	return s
}

// Every third fault of every kind at every operation, under the rules that
// Atlassian may have, where psoxy only reads. `tokenkeeper simulate --exhaustive 1`
// runs them all, and those of the shared mode.
func TestSingleFaults(t *testing.T) {
	plans, err := simulation.Exhaustive(1, simulation.Draw{Mode: simulation.Reader})
	require.NoError(t, err)
	require.Greater(t, requireKept(t, every(3, plans)).Runs, 5_000)
}

// Every 256th pair of faults; `tokenkeeper simulate --exhaustive 2` runs them all.
func TestPairsOfFaults(t *testing.T) {
	plans, err := simulation.Exhaustive(2, simulation.Draw{Mode: simulation.Reader})
	require.NoError(t, err)
	require.Greater(t, requireKept(t, every(256, plans)).Runs, 2_000)
}

// every yields every n-th plan.
func every(n int, plans iter.Seq[simulation.Plan]) iter.Seq[simulation.Plan] {
	return func(yield func(simulation.Plan) bool) {
		i := 0
		for p := range plans {
			if i++; i%n == 0 && !yield(p) {
				return
			}
		}
	}
}

func TestRandomFaults(t *testing.T) {
	for _, c := range []struct {
		simulation.Draw
		runs int
	}{
		{simulation.Draw{Weight: simulation.None, Mode: simulation.Both}, 20},
		{simulation.Draw{Weight: simulation.Light, Mode: simulation.Reader}, 200},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader}, 3_000},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader, Every: time.Minute}, 500},
		{simulation.Draw{Weight: simulation.Heavy, Mode: simulation.Reader, Every: 5 * time.Minute}, 1_000},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", c.Weight, c.Mode, c.Every), func(t *testing.T) {
			s := requireKept(t, simulation.Random(1, c.runs, c.Draw))
			if c.Weight == simulation.None {
				require.Empty(t, s.Faults)
			}
		})
	}
}

// Runs that broke a promise once, as they were then. What struck which operation has
// moved since: their causes have tests of their own.
func TestPlansThatOnceBroke(t *testing.T) {
	for _, text := range []string{
		"adoption seed=39d3cf88bb0e2042 siblings-die legacy-refusal consent@66#2d16 consent@69",
		"adoption seed=70645123b3df3aec legacy-refusal claims ledger-deleted@34 repeat@44 stale@47/1s",
		"adoption seed=95f50f7e934a4585 siblings-die legacy-refusal claims concurrent@12 error-after@37 consent@112#3eaf consent@134#605e store-outage@134/4m27s",
		"consent seed=e3d9cbcf1e21d25 reconsent-kills-old legacy-refusal claims concurrent@22#1 ledger-deleted@24 atlassian-after@25/21m44s",
		"rotation seed=1e9fe336476b9ac5 consent@30 atlassian-denies@32/36m52s ledger-deleted@120",
		"replay seed=9d959aa7eb87816 legacy-refusal aged repeat@23 older@213#c7d",
		"rotation seed=75172a2fc5bdf3f4 siblings-die reconsent-kills-old claims pause-after@1/1m30s deleted@10#911c ledger-deleted@23 stale@27/1s",
		"adoption seed=ba31226a5a8c2193 legacy-refusal shared psoxy@0 atlassian-denies@21/2m30s",
		"consent seed=364bb44841871f29 legacy-refusal claims shared crash-after@21 consent@51#caef psoxy@52",
		"rotation seed=3547c7369f2a00e8 siblings-die reconsent-kills-old legacy-refusal claims shared consent@37 store-outage@49/1h51m3s shared-create@127 psoxy@130",
		"rotation seed=fc1d2b427ee19746 aged older@32#f89c atlassian-before@35/3m59s backup@313",
		"upgrade seed=39f674fbcfd1ab6b siblings-die reconsent-kills-old legacy-refusal claims denied@0/1s#5 false-refusal@28",
		"upgrade seed=d69fabba4b15bf9e legacy-refusal damaged@0/1s#9e17 key-outage@77/5m13s",
		"upgrade seed=866f9bf570ffb72f reconsent-kills-old store-outage@28/42s authorize@30#3 concurrent@73#16345c041d4ba6e5 ledger-deleted@78",
		"adoption seed=5f83eeaa46f7e500 reconsent-kills-old legacy-refusal claims throttle@10 consent@163 authorize@165#2dd610091765c1f3",
		"adoption seed=92dd49a15185ee6c reconsent-kills-old concurrent@18#b00f7f06dd9f66cb authorize@21#f74fb874d0bd24b ledger-deleted@27",
		"adoption seed=6879f801f47ac8d4 siblings-die reconsent-kills-old claims shared late@28/2m39s psoxy@213#5226f2446c4bf5a7 again@227 pause-before@236/1s recycled@237 atlassian-denies@238/52m48s",
		"adoption seed=d8c98885cd7629d8 legacy-refusal claims consent@202#1 ledger-deleted@229 crash-after@229",
		"adoption seed=fa2a8542803d0157 reconsent-kills-old crash-before@14 labelled@25/2m11s concurrent@43#1 false-refusal@50",
		"consent seed=31e1a443d6e31dd6 siblings-die deactivated@5/48m42s",
		"consent seed=676902454ddb2d4f deactivated@3/1h43m46s",
		"consent seed=e452dc82b2d2af9d shared stale@7/5s#5a psoxy@21#7de0af832bc66fc7",
		"consent seed=6b91d6a4c12424ed reconsent-kills-old legacy-refusal claims consent@18 ledger-deleted@33",
		"consent seed=7dfdcfc733dcdd76 siblings-die labelled@8/2s#3 ledger-deleted@25",
		"consent seed=a61c42937fe3671b reconsent-kills-old unreached@19 consent@27#f8c6 deleted@56",
		"consent seed=b049dbac5b8a72a8 legacy-refusal concurrent@32 authorize@112 error-after@112 labelled@128/6s",
		"consent seed=b5035d441b15b059 siblings-die reconsent-kills-old legacy-refusal claims authorize@6#53f7cfaaefb0f36e",
		"consent seed=b668199326f7c4ef siblings-die reconsent-kills-old denied@103/20m15s#10 recycled@119 false-refusal@120",
		"consent seed=df0fca64566779d2 reconsent-kills-old legacy-refusal store-outage@23/4s ledger-deleted@24",
		"consent seed=e81f57150670ed8c damaged@0 unreached@27 labelled@47/1m23s#1 ledger-deleted@69",
		"consent seed=e9386178d0166e3a legacy-refusal deactivated@14/36m39s older@16#bddd",
		"consent seed=f19d041357039cef reconsent-kills-old legacy-refusal claims authorize@5#2b07f4355893b1ff",
		"replay seed=3d78bbe2d63e45bc reconsent-kills-old claims ledger-deleted@14 concurrent@17 error-before@18",
		"replay seed=43ad5551039d0b3c siblings-die reconsent-kills-old legacy-refusal claims concurrent@14 ledger-deleted@17",
		"replay seed=64e087d60ec408f6 legacy-refusal claims deleted@3 consent@7",
		"replay seed=6e194f1d3fb1a6f7 siblings-die legacy-refusal claims repeat@42 damaged@52/1s#ee43 store-outage@132/3s",
		"replay seed=95dbeb458a637ee8 authorize@15#2 error-after@37 ledger-deleted@46",
		"replay seed=b23e6f7fb4500c6e legacy-refusal damaged@58/25m0s#ced2 ledger-deleted@61",
		"replay seed=b9c129023e6f1f50 claims labelled@14/6m12s consent@138#a10d concurrent@253#1 atlassian-after@280/21m51s",
		"replay seed=de5d6ae6471727df claims ledger-deleted@24 atlassian-denies@25/1s consent@27#1 secret-rotated@46/1s",
		"replay seed=e9c231d8ed8b651e reconsent-kills-old legacy-refusal damaged@20/3m8s#20cb ledger-deleted@22 atlassian-before@27/1s",
		"replay seed=e9c231d8ed8b651e reconsent-kills-old legacy-refusal damaged@20/50m0s#20cb ledger-deleted@22 authorize@25#1053d743ce59e5a2 atlassian-before@27/5m45s atlassian-before@30/1m49s",
		"rotation seed=16e3f2a127c934 ledger-deleted@18 deleted@18 consent@26",
		"rotation seed=4906eca976eebe76 siblings-die legacy-refusal consent@7#1 false-refusal@14 ledger-deleted@19",
		"rotation seed=8ef5a1bcd8a4096b legacy-refusal crash-before@10 consent@32 atlassian-after@55/11m37s",
		"rotation seed=adbe0fa459969d55 siblings-die consent@31#9938 false-refusal@32 ledger-deleted@35 consent@44",
		"rotation seed=d660c1b6ee9792b2 siblings-die denied@8/2m22s#8 concurrent@76#1 backup@90",
		"upgrade seed=1 siblings-die reconsent-kills-old concurrent@0#5555555555555554 ledger-deleted@30",
		"upgrade seed=42f58ed5b239ded2 siblings-die claims omit-after@37 ledger-deleted@54 atlassian-denies@80/2s",
		"upgrade seed=51b56e5b8fbb5c12 siblings-die reconsent-kills-old claims concurrent@4#4521fbcc02338953 ledger-deleted@16 atlassian-after@20/2s",
		"upgrade seed=54fee8883a0f72f8 consent@52#f3d1 consent@58 crash-before@60",
		"upgrade seed=75243c1b1f2fab13 siblings-die reconsent-kills-old legacy-refusal claims deleted@9 consent@9",
		"upgrade seed=a9aed8d4818abbc5 siblings-die reconsent-kills-old claims crash-before@12 damaged@13/50m0s#642e throttle@15#2 crash-before@34",
		"upgrade seed=aee08269e051402f siblings-die legacy-refusal ledger-deleted@30 unreadable@48",
		"upgrade seed=bdcaded80fca49d1 claims key-outage@2/1s deactivated@17/11m6s",
		"upgrade seed=db143b7a01c2c371 legacy-refusal labelled@14/2m12s#3 atlassian-unreachable@34/11m2s ledger-deleted@39 atlassian-denies@285/9m17s",
		"upgrade seed=db143b7a01c2c371 legacy-refusal labelled@14/2m12s#3 atlassian-unreachable@34/11m2s ledger-deleted@39 placeholder@199/1s",
		"rotation seed=ff46ce7e765ac78 reconsent-kills-old legacy-refusal authorize@2#2 authorize@9#2 authorize@16#31287c9956d4fd35",
		"adoption seed=1 siblings-die reconsent-kills-old atlassian-denies@0/4m0s error-after@52",
		"adoption seed=1 siblings-die reconsent-kills-old atlassian-denies@0/4m0s omit-after@52",
		"adoption seed=1 siblings-die reconsent-kills-old atlassian-denies@2/4m0s error-after@52",
		"rotation seed=248e76646bb65643 authorize@15#25cb8c0bb0603e85 ledger-deleted@27 crash-after@55",
		"consent seed=e05b49e302eba7b9 siblings-die claims denied@11/40s#10 denied@55/17m38s#10 pause-before@162/2m5s unreadable@162",
		"consent seed=8df2ed809698621b reconsent-kills-old legacy-refusal claims labelled@17/12m4s crash-before@43 unreadable@44",
		"upgrade seed=89ffba038bf52b44 siblings-die reconsent-kills-old legacy-refusal denied@19/3m30s#1 consent@20#d71e damaged@264/1s#d257",
		"upgrade seed=cfae6ad4e7c8c926 reconsent-kills-old legacy-refusal denied@17/8m46s#10 pause-after@150/16s false-refusal@179",
		"upgrade seed=7f83c38660e99c7c siblings-die consent@25 ledger-deleted@33 concurrent@40",
		"consent seed=6698129ca26cdeb9 siblings-die legacy-refusal claims atlassian-denies@405/15m15s crash-after@429 ledger-deleted@433 consent@436#1",
		"adoption seed=f46cb4637b9d9578 siblings-die reconsent-kills-old claims crash-before@23 damaged@23/1s#debc omit-after@51 ledger-deleted@52 crash-before@74",
		"replay seed=379ae7fdb3c2762 siblings-die reconsent-kills-old claims labelled@4/1s#1 authorize@5#1 ledger-deleted@31",
		"consent seed=576ec8df25b8644e reconsent-kills-old denied@38/30m2s#1 consent@44 damaged@113/50m0s deleted@114",
		"rotation seed=3be51d1a0038ddbf siblings-die labelled@12/1m19s deactivated@29/11m23s crash-before@94",
		"rotation seed=3be51d1a0038ddbf siblings-die labelled@12/1m19s deactivated@29/1h31m1s consent@75#8d1d crash-before@94 consent@94#20d9",
		"rotation seed=3348c790f0d27825 legacy-refusal denied@13/5s#10 crash-after@32",
		"upgrade seed=3f7cd635a52b4d33 siblings-die reconsent-kills-old denied@0/1s#1 atlassian-after@12/9m10s",
		"rotation seed=d151671a847f826e siblings-die legacy-refusal recycled@5 authorize@5 denied@28/5s#8 concurrent@57",
		"rotation seed=d151671a847f826e siblings-die legacy-refusal recycled@5 authorize@5#1 pause-after@25/25s denied@28/10h40m48s#8 deleted@31#86b1 concurrent@57",
		"replay seed=c5d47efb058ad6ab siblings-die reconsent-kills-old legacy-refusal aged older@4#149e",
		"rotation seed=81d6ceb49f88d545 legacy-refusal aged older@23#3de4 consent@25#35f6",
		"upgrade seed=6f6759fe3f25266 siblings-die legacy-refusal ledger-deleted@29 crash-after@32",
		"upgrade seed=cf829e9585025c66 legacy-refusal ledger-deleted@36 crash-before@36",
		"consent seed=8c958dfda5f8fdbe reconsent-kills-old denied@11/13s ledger-deleted@18",
		"rotation seed=9f28276479f6a5f legacy-refusal claims store-outage@17/9m54s concurrent@120#1 false-refusal@139 concurrent@174#3 error-after@194",
		"upgrade seed=3194ea81ed57b839 reconsent-kills-old legacy-refusal atlassian-unreachable@2/23s ledger-deleted@136 concurrent@137",
		"rotation seed=711ed9448902d416 siblings-die claims authorize@3#2 authorize@4#8b72c3ee2ac7fe35",
		"adoption seed=5c8553b681b7c0c2 siblings-die reconsent-kills-old claims damaged@2/1s#40ec crash-after@19",
		"consent seed=85ca5354956bcf4a siblings-die legacy-refusal crash-after@15 denied@39/6m30s#1",
		"upgrade seed=ec4eba3648401a30 reconsent-kills-old legacy-refusal denied@18/1m54s#10 recycled@67 denied@67/2m27s#3",
		"upgrade seed=3194ea81ed57b839 reconsent-kills-old legacy-refusal atlassian-unreachable@2/23s ledger-deleted@136 concurrent@137#1",
		"adoption seed=548431ee50f11faa legacy-refusal deleted@22 store-outage@22/3m20s consent@189",
		"replay seed=93ac54852601cfe1 reconsent-kills-old legacy-refusal key-outage@2/32s#1 unreached@17 store-outage@75/10m11s",
		"rotation seed=8223470cacc5d571 siblings-die authorize@19 ledger-deleted@25",
		"upgrade seed=ece351b6c02c6e4 reconsent-kills-old legacy-refusal ledger-deleted@29 concurrent@29#6f6eda5c694cab9f throttle@32",
		"consent seed=fd37be8b5dbccf8f siblings-die crash-after@13 unreadable@38 atlassian-after@89/8m42s",
		"replay seed=edaf9b9fd8629caa reconsent-kills-old legacy-refusal shared ledger-deleted@35 atlassian-after@60/25s atlassian-denies@146/15m42s",
		"replay seed=e39352701e991a0a shared consent@28 ledger-deleted@40",
		"consent seed=839fbaf4ebc06f69 legacy-refusal shared deleted@11 consent@135 ledger-deleted@160 ledger-deleted@179",
		"consent seed=3ec490894824aa54 reconsent-kills-old claims shared atlassian-after@24/1s unreadable@29 atlassian-before@54/8m18s",
		"upgrade seed=9329f2a0bf92abe legacy-refusal claims google atlassian-after@30/11s concurrent@44 ledger-deleted@44",
		"adoption seed=ca51ddb7f66b4f95 siblings-die reconsent-kills-old omit-after@56 atlassian-unreachable@59/8m15s backup@79#2 damaged@89/1s",
		"rotation seed=248e67101499d985 siblings-die legacy-refusal concurrent@6#1 ledger-deleted@32",
		"upgrade seed=7cfd582f98e10936 legacy-refusal consent@53 atlassian-after@71/18s deactivated@149/1h10m33s",
		"consent seed=9ba3e39c5e3ff61c legacy-refusal denied@37/40m17s#3 consent@52#ca4b authorize@57",
		"rotation seed=fb55788770db5411 siblings-die google labelled@26/42m47s consent@28",
		"consent seed=d6fd71a0c6ef22a5 siblings-die reconsent-kills-old google crash-after@31 ledger-deleted@34",
		"replay seed=a1425984198b29a7 siblings-die legacy-refusal google crash-before@34 ledger-deleted@36 consent@41",
		"replay seed=af5c69795e1eee8d siblings-die legacy-refusal claims google consent@40#576e consent@53 atlassian-after@183/41m39s",
		"adoption seed=9a93076e77b7d46 legacy-refusal claims google crash-before@0 crash-before@1 consent@4#f47f",
		"upgrade seed=678a8e9b44ca0732 reconsent-kills-old legacy-refusal concurrent@12 authorize@14 consent@35",
		"adoption seed=a516cbe746615afa siblings-die reconsent-kills-old legacy-refusal claims google crash-after@36 crash-after@61 key-outage@79/6m43s",
		"rotation seed=5790176ae243cb15 siblings-die claims google false-refusal@214 ledger-deleted@330",
		"consent seed=188ace0e874ab85d siblings-die legacy-refusal claims google atlassian-denies@14/3m13s damaged@106/1m15s ledger-deleted@297",
		"upgrade seed=5d6a5d9da98479af siblings-die reconsent-kills-old legacy-refusal google error-after@6 atlassian-before@42/5m48s damaged@51/1s#7cb1",
		"upgrade seed=5d7e73ef82759562 siblings-die google error-after@10 throttle@39#2 ledger-deleted@47 denied@47/12m10s",
		"upgrade seed=94e34860c1183b89 siblings-die google authorize@1#d793e4f4efcd7aa consent@8 key-outage@32/5m23s consent@116#1",
		"rotation seed=30209cf168cdfd8a claims google ledger-deleted@14 denied@16/1s",
		"replay seed=427e5bdf128579be legacy-refusal google atlassian-denies@7/10s consent@33 ledger-deleted@48",
		"upgrade seed=8146cca898ac5468 siblings-die reconsent-kills-old google stale@4/200ms damaged@5/1s#1590 deleted@17#8524",
		"rotation seed=ddb7cbea1f883e88 reconsent-kills-old labelled@15/2m43s recycled@30 error-after@32",
		"consent seed=653388a1977b3e4 siblings-die google atlassian-denies@23/10m25s omit-after@25",
		"rotation seed=29f593f8e8a6981d siblings-die reconsent-kills-old google older@8#3 concurrent@10#ac802469eee5fd74 ledger-deleted@38",
		"rotation seed=8fa3190ead445db8 siblings-die reconsent-kills-old google atlassian-after@3/32s throttle@166 store-outage@192/9m13s",
		"upgrade seed=7aacb136200d69fd legacy-refusal google ledger-deleted@49 crash-after@49",
		"replay seed=683900588e7edcf5 siblings-die reconsent-kills-old legacy-refusal google ledger-deleted@221 denied@236/1s",
		"upgrade seed=910a63e930e8bd7a siblings-die google consent@3 unreadable@17",
		"upgrade seed=cdaa7eac1879b5bf reconsent-kills-old legacy-refusal claims backup@17 no-ticks@22/1h20m34s stale@23/2s deleted@49#2 unreadable@65",
		"consent seed=77711ab785d477fc labelled@17/5s crash-after@33",
		"rotation seed=dcd9d77f8734d78b reconsent-kills-old legacy-refusal claims ledger-deleted@12 crash-after@14 false-refusal@17",
		"rotation seed=54601a1e1d9d034b siblings-die reconsent-kills-old legacy-refusal claims no-ticks@35/32m32s denied@53/11m13s#1 ledger-deleted@54 crash-after@58",
		"consent seed=408c13ba374c4ffa concurrent@22 ledger-deleted@24",
		"consent seed=77711ab785d477fc labelled@17/5s crash-after@33 crash-before@65 unreadable@83",
		"upgrade seed=974701371b8211a0 concurrent@8#4350defecc01bdc8 ledger-deleted@37",
		"consent seed=eac8f34d3186707f siblings-die legacy-refusal claims shared psoxy@35#12180799d68142a3",
		"consent seed=ac9daf6afbabcf5c shared psoxy@43 consent@71 crash-before@75",
		"replay seed=4ace97c88549c489 siblings-die claims shared psoxy@52 crash-after@78 consent@79 unreadable@107",
		"rotation seed=73f233c285a149fb siblings-die shared consent@22 unreadable@50 consent@87 crash-before@87",
		"consent seed=1f41bf05c1151a5c siblings-die reconsent-kills-old shared psoxy@28 deleted@36 ledger-deleted@58",
		"adoption seed=23bb75fcda4e83c6 reconsent-kills-old legacy-refusal error-after@12 concurrent@15#1 repeat@17 ledger-deleted@17",
		"adoption seed=832cadf918010954 legacy-refusal claims denied@20/10m22s#8 crash-before@67",
		"rotation seed=48adce837b6fb1fb legacy-refusal backup@15#8289 crash-before@27 ledger-deleted@28",
		"consent seed=56916730d9e9f2bb siblings-die reconsent-kills-old legacy-refusal claims ledger-deleted@9 crash-after@12 atlassian-after@40/10m28s",
		"upgrade seed=a4c8d4989ef015b2 siblings-die reconsent-kills-old concurrent@17 ledger-deleted@21",
		"consent seed=d622fb8b9c709e4f siblings-die reconsent-kills-old legacy-refusal claims concurrent@1#4f50354ec012ae2f ledger-deleted@36 error-before@37",
		"consent seed=f1bad48b72e56bc4 atlassian-denies@9/2m45s concurrent@41 ledger-deleted@47",
		"consent seed=fc75c89713866c8c siblings-die labelled@1/3s#3 concurrent@23 ledger-deleted@23",
		"upgrade seed=7f83c38660e99c7c siblings-die consent@25 ledger-deleted@31 concurrent@31",
		"upgrade seed=7f83c38660e99c7c siblings-die consent@25 ledger-deleted@30 concurrent@32",
		"adoption seed=e5a8e83cac96459c siblings-die reconsent-kills-old legacy-refusal claims password-changed@10 authorize@31#3 error-before@43 consent@58 ledger-deleted@61",
		"consent seed=b7282942cb3a19c3 siblings-die legacy-refusal google damaged@12/2s denied@58/22m59s#3",
		"rotation seed=ba376260391becc4 consent@16 ledger-deleted@23 crash-before@38",
		"upgrade seed=34708d0685f5849c siblings-die legacy-refusal consent@19#1 ledger-deleted@39 atlassian-denies@40/1h5m59s",
		"upgrade seed=20e8bb75dce0d94a siblings-die reconsent-kills-old crash-after@8 omit-after@313 omit-after@322 omit-after@327",
		"consent seed=c7d517626584c01a siblings-die legacy-refusal denied@7/2s#1 ledger-deleted@12 error-after@13 store-outage@117/9m41s crash-before@160",
		"consent seed=e3fe3f923e317eb4 consent@20 atlassian-after@23/2m27s consent@54",
		"replay seed=723c6768f6d5663e legacy-refusal google concurrent@23#6c097475786a361a too-many-updates@29 authorize@29 ledger-deleted@55",
		"replay seed=76b6116c3144377c concurrent@20#39ca2787375d578b ledger-deleted@26",
		"rotation seed=807bd175378e2b86 siblings-die reconsent-kills-old google store-outage@16/10m32s crash-before@115 backup@184#3 terraform@185/40m0s#1",
		"replay seed=f7b770320883dbf2 siblings-die key-outage@113/8h40m39s repeat@271 error-before@450 concurrent@471",
		"adoption seed=e2e35eb1ccfa12f2 consent@7#9aba unreadable@30 deleted@51 consent@54",
		"replay seed=d0afae50acbe296d siblings-die claims consent@77#277d deleted@78 consent@82#891b",
		"replay seed=54e745c9a497699c siblings-die reconsent-kills-old legacy-refusal authorize@6 concurrent@7 consent@30",
		"upgrade seed=45b5f94847136fa claims deleted@21 denied@48/28m27s#1 consent@62#41b0",
		"rotation seed=428d90f9e65ba2bd google authorize@29 ledger-deleted@46",
		"replay seed=590d9547ef46dc0f siblings-die reconsent-kills-old shared google crash-after@35 concurrent@80 no-ticks@94/5m8s",
		"rotation seed=ab66e72ccbe6fa1f siblings-die ledger-deleted@21 crash-after@29 damaged@46/1s",
		"consent seed=5996b297a9bd769 siblings-die legacy-refusal claims omit-after@11 crash-after@20 unreadable@47 store-outage@74/4s deactivated@142/10m59s",
		"upgrade seed=78f6d3781e686d92 every=5m0s siblings-die reconsent-kills-old key-outage@12/20s error-after@39 stale@42/1s atlassian-unreachable@48/11m19s",
		"upgrade seed=f9b80b41734cdbec siblings-die reconsent-kills-old claims shared aged crash-after@20 crash-before@66 error-after@83 atlassian-after@107/7m17s",
		"rotation seed=e4cd2b1e1ce62702 siblings-die authorize@2#2 authorize@9#93e6dd42dfd1b3ed damaged@34/1s ledger-deleted@37 concurrent@52",
		"consent seed=9fbd3c0776f72ae1 legacy-refusal claims shared crash-before@20 consent@82 damaged@84/1s#2",
		"upgrade seed=b112b69c69e79961 legacy-refusal shared ledger-deleted@49 atlassian-denies@60/4m7s consent@74",
		"rotation seed=4581920277367490 siblings-die atlassian-denies@139/9m57s consent@140 ledger-deleted@168",
		"consent seed=f52731aabdca1353 siblings-die shared atlassian-after@6/27m32s consent@418#9a2b",
		"upgrade seed=14aa85f30c445231 siblings-die shared psoxy@10 stale@37/2s consent@50#408c",
		"consent seed=39769d0ffc77986c shared atlassian-denies@41/6m22s consent@43 ledger-deleted@79",
		"replay seed=22bcb8be3a98840 siblings-die reconsent-kills-old legacy-refusal shared atlassian-denies@21/8s psoxy@40 pause-before@57/2m5s psoxy@58 atlassian-denies@89/1m32s",
		"upgrade seed=3dd77c87af64a05f siblings-die google consent@4 crash-after@9 unreadable@45",
		"replay seed=eb3d3ed41c4053c0 legacy-refusal shared psoxy@156 authorize@176 psoxy@197 psoxy@198",
		"consent seed=84292665df90b596 shared crash-before@28 consent@94#5b20",
		"replay seed=35649450b1cf9cd2 shared older@10#2 atlassian-after@24/6s damaged@61",
		"consent seed=815579b92ea7c373 shared psoxy@208 damaged@225 psoxy@246#1",
		"adoption seed=4aed7e25e7f37ccc reconsent-kills-old legacy-refusal shared consent@38#6092 denied@49/6m46s psoxy@143",
		"adoption seed=26e862c7bca45be1 siblings-die shared consent@7#68f9 denied@10/44m23s#1 psoxy@161",
		"adoption seed=c08f17a1897f95a5 claims shared consent@17#7ddd consent@22 psoxy@31 pause-before@41/2m5s",
		"replay seed=5b08041d59ea3cd4 siblings-die reconsent-kills-old legacy-refusal shared google authorize@18 store-outage@45/11s no-ticks@74/6m36s",
		"rotation seed=15495e8fe5487470 shared omit-after@32 store-outage@32/5s older@85#2 damaged@90/1s",
		"consent seed=9355ad44a589db84 reconsent-kills-old shared atlassian-after@32/5s psoxy@34 psoxy@56",
		"adoption seed=63d4f7192a5dc24e siblings-die legacy-refusal claims shared omit-after@26 consent@69#4f47 deleted@69",
		"upgrade seed=1bbbcb4aa2737d70 legacy-refusal shared psoxy@15 backup@73#1 secret-rotated@75/7m14s consent@174",
		"consent seed=4f3ca9f8d24f88d2 siblings-die legacy-refusal shared crash-before@25 consent@73 psoxy@73#eba8dc0189091917 crash-after@86",
		"consent seed=b0d6ca89229b8d3e siblings-die reconsent-kills-old claims shared crash-before@13 store-outage@19/1h7m22s false-refusal@41 psoxy@53",
		"adoption seed=6caf3d2affc485d0 legacy-refusal shared google psoxy@16 consent@16#225d",
		"adoption seed=840bec1876c4a81 siblings-die shared google psoxy@16 older@16 consent@23#2450",
		"adoption seed=82851c1d3fbf334a siblings-die legacy-refusal claims shared google psoxy@1 older@31",
		"rotation seed=cad51fa66edce367 siblings-die reconsent-kills-old shared google consent@23#d915 psoxy@25 stale@33/1s",
		"consent seed=3feeaba14885803e siblings-die reconsent-kills-old shared google error-after@5 consent@6#599e psoxy@97 crash-after@100",
		"consent seed=cc344e4a37d04ab siblings-die claims shared google unreadable@8 psoxy@25 older@25",
		"rotation seed=3478bd493a7996af reconsent-kills-old legacy-refusal shared google authorize@27 crash-before@28 psoxy@98 psoxy@103",
		"upgrade seed=f9aee5c674641a87 shared google authorize@38 psoxy@40 psoxy@72",
		"replay seed=ab594a9e7ef29361 siblings-die legacy-refusal claims shared google psoxy@36 consent@53#141a pause-after@58/2m5s authorize@61",
		"consent seed=f9236abfa25e0b7a claims shared google denied@2/16m24s#1 authorize@264 psoxy@319",
		"upgrade seed=4f330ffbab599537 siblings-die shared google consent@24#89d6 psoxy@60 pause-after@69/2m5s",
		"consent seed=aa3dce7511bd467 siblings-die claims shared psoxy@39 stale@60/5s atlassian-denies@88/12m38s",
		"upgrade seed=910f90c4fc19a022 siblings-die legacy-refusal claims shared authorize@30 stale@55/200ms psoxy@61 error-after@64 atlassian-denies@81/34m8s",
		"consent seed=a6548675fd2deb43 reconsent-kills-old shared store-outage@1/5s psoxy@2 recycled@17 atlassian-denies@20/20m8s crash-after@214",
		"upgrade seed=2d9b3e6962af6760 reconsent-kills-old legacy-refusal shared google store-outage@35/5s psoxy@60 deleted@74#2",
		"replay seed=2d5a4947b9c0b3ed siblings-die reconsent-kills-old shared psoxy@3 backup@15",
		"adoption seed=b2a046fe9102d790 siblings-die reconsent-kills-old shared authorize@5#71f001bc5c1b3543 psoxy@11#1 psoxy@31#1 error-before@68",
		"rotation seed=96a6efa465329440 siblings-die reconsent-kills-old claims shared aged pause-after@13/2m5s psoxy@18 consent@27 atlassian-before@30/22m11s",
		"rotation seed=96a6efa465329440 siblings-die reconsent-kills-old claims shared aged pause-after@13/2m5s psoxy@18 consent@28#9629 atlassian-before@31/22m11s",
		"replay seed=943ff5b180e96f19 shared aged older@3#2 older@15#6ee8",
		"adoption seed=62d4c1d0ace219e4 siblings-die legacy-refusal shared psoxy@10 psoxy@15#1 damaged@26/1s store-outage@27/1s",
		"replay seed=a0e4db8eb79d5c34 siblings-die claims shared store-outage@36/4m43s crash-before@39 ledger-deleted@42 damaged@45/1s#336",
		"upgrade seed=fb4e00ffef584819 siblings-die reconsent-kills-old legacy-refusal claims shared authorize@20#1 psoxy@36 psoxy@96 key-outage@106/2s",
		"consent seed=f9236abfa25e0b7a claims shared denied@2/32m47s#1 authorize@264 psoxy@319",
		"upgrade seed=baa177681426bb92 siblings-die legacy-refusal claims shared denied@34/7m14s#1 authorize@54 consent@54 psoxy@61 pause-before@71/2m5s",
		"adoption seed=1b833b186385885b siblings-die reconsent-kills-old legacy-refusal claims shared crash-before@17 key-outage@26/14m47s#1 error-before@40 ledger-deleted@41 psoxy@41",
		"replay seed=1c047869df54238e siblings-die claims shared psoxy@35 consent@36 older@37 crash-before@62 ledger-deleted@90",
		"replay seed=8de21e0d3cfc2520 legacy-refusal shared deleted@1#2375 psoxy@41 store-outage@53/1s older@66#2 false-refusal@66",
		"replay seed=92d5c509e855b7d9 shared consent@4#1 psoxy@45 consent@54 error-after@54 unreadable@54",
		"upgrade seed=94f638d12ce42bb siblings-die reconsent-kills-old legacy-refusal shared psoxy@26 atlassian-denies@40/11m2s omit-after@221",
		"consent seed=272a933d67a7c250 siblings-die shared consent@33#1a5f unreadable@37 consent@65 atlassian-denies@90/1h21m28s",
		"consent seed=e6c04c13fe8d0814 claims shared psoxy@33 backup@33 false-refusal@50",
		"rotation seed=7a544440c9189027 siblings-die shared consent@102 psoxy@127 pause-before@128/2m5s deleted@149#2",
		"upgrade seed=4aef0b585f1eadfd siblings-die shared psoxy@12 damaged@24/50m0s deleted@27",
		"rotation seed=78eed688dcaa89d0 siblings-die claims shared psoxy@16#9bff41f74e65b71 consent@55#846f concurrent@63#3 crash-after@64 pause-before@88/1m30s deactivated@90/12m10s",
		"upgrade seed=94f638d12ce42bb siblings-die reconsent-kills-old legacy-refusal shared psoxy@26 atlassian-denies@40/11m2s consent@43 omit-after@221 pause-after@231/1m30s",
		"replay seed=1e814fab7d5dfb7b reconsent-kills-old legacy-refusal shared psoxy@29 older@49#2 store-outage@63/3s atlassian-denies@88/3m34s",
		"rotation seed=d8d9beeb1e02e11e shared psoxy@8 consent@32#2d89 atlassian-denies@72/4m30s",
		"consent seed=2603ed09de3e5830 siblings-die shared google pause-before@30/1m30s psoxy@32 backup@40#4f7a",
		"rotation seed=18a5011fc1a2061d siblings-die legacy-refusal shared google error-after@35 psoxy@140 damaged@156 ledger-deleted@158",
		"upgrade seed=474a6143a58e56cd legacy-refusal shared google crash-after@1 psoxy@27 consent@55#637e",
		"upgrade seed=cf0aad971603401d siblings-die legacy-refusal shared stale@5/200ms error-before@21 deactivated@38/9m37s",
		"consent seed=75c05df9bc3a0513 legacy-refusal claims shared google atlassian-denies@19/2m6s false-refusal@176",
		"rotation seed=1ed4324a2d631db7 siblings-die shared authorize@21#230f73ed5c0a3211 consent@79#7c3a",
		"upgrade seed=accd3528c002237b siblings-die legacy-refusal claims google consent@36#3efe consent@60#1fbe consent@79#829e",
		"upgrade seed=535ba8e060088e85 reconsent-kills-old legacy-refusal claims shared google psoxy@1 denied@11/3s#1 omit-after@11",
		"upgrade seed=72a1d30081881efe legacy-refusal shared denied@7/4s psoxy@10 pause-after@25/2m5s",
		"rotation seed=3281c5e3c576d20b reconsent-kills-old shared denied@10/4m28s#2 pause-after@17/2m5s psoxy@20",
		"rotation seed=96a6efa465329440 siblings-die reconsent-kills-old claims shared aged pause-after@13/2m5s psoxy@18 consent@28#9629 atlassian-before@31/22m11s",
		"replay seed=943ff5b180e96f19 shared aged older@3 older@15#6ee8",
		"replay seed=750b8d16121c67fd reconsent-kills-old legacy-refusal shared aged older@8#9f1",
		"rotation seed=fbee722faa54a83e siblings-die shared psoxy@16#649bf8aff4f08766 pause-before@16/1m30s terraform@19/40m0s pause-after@32/1m10s crash-before@48 concurrent@49#8af5573d0e995d46",
		"replay seed=16c1e84d74286705 reconsent-kills-old shared consent@4#4b1 throttle@27#2 psoxy@53 atlassian-denies@81/11m23s",
		"replay seed=add634b71909ee05 shared consent@1#5eac psoxy@3 atlassian-denies@15/18m27s",
		"replay seed=7a752ac92eb61ea2 reconsent-kills-old shared consent@3#cfd7 psoxy@4 atlassian-denies@15/7m15s",
		"rotation seed=e96e5962532ffaff siblings-die shared atlassian-after@14/6s denied@60/21m31s consent@192 older@195 consent@303#67e7",
		"rotation seed=a72673b1b9b85a46 legacy-refusal claims shared google psoxy@21 denied@22/3s consent@38",
		"upgrade seed=d8b23045191915f2 siblings-die reconsent-kills-old shared google concurrent@37#1 denied@52/5m23s ledger-deleted@74 damaged@76/1s",
		"upgrade seed=2010ffd8b1b4b86 siblings-die legacy-refusal claims shared google labelled@5/1m18s concurrent@18 authorize@209 atlassian-unreachable@317/7s false-refusal@366",
		"consent seed=fd970d4b2b4a2333 siblings-die claims shared atlassian-denies@4/8m8s psoxy@165",
		"consent seed=84847800ba27610 reconsent-kills-old claims store-outage@18/57s store-outage@56/1h7m22s too-many-updates@233 concurrent@234",
		"replay seed=7fa717f3ed1ffa84 aged omit-before@32 deleted@37 consent@56",
		"rotation seed=b8c44b5d025111ad legacy-refusal shared psoxy@22 pause-after@44/45s unreadable@57",
		"adoption seed=3a955ae7fe25d751 siblings-die shared consent@38#9daf ledger-deleted@227 crash-after@227 consent@227",
		"rotation seed=e58d56b568b3be4e siblings-die shared psoxy@35 atlassian-denies@51/8m52s consent@54 error-before@102",
		"adoption seed=e154e22e88fedc4a siblings-die reconsent-kills-old shared deleted@64 consent@68",
		"consent seed=1bfb8f9531cbd195 crash-after@7 consent@63#b86f crash-before@76 consent@89#f67e",
		"adoption seed=8c5b2a4f1e630450 siblings-die shared psoxy@13 consent@22#2e7e",
		"upgrade seed=43267a06db03c03e legacy-refusal shared throttle@27#1 deactivated@74/8m42s",
		"replay seed=c124615254734cea siblings-die claims shared psoxy@46 damaged@58 key-outage@70/1s atlassian-denies@95/1h24m39s",
		"upgrade seed=8889b6a8e167a5f5 legacy-refusal claims older@0 denied@7/8m56s#1",
		"consent seed=1e4731ddfdc8e6c6 reconsent-kills-old legacy-refusal labelled@15/3m37s crash-before@162",
		"replay seed=8379702fd920dc12 reconsent-kills-old crash-after@16 omit-before@36 labelled@48/47s recycled@88 error-after@116",
		"adoption seed=8f7fe49602d4b255 siblings-die concurrent@34 atlassian-denies@37/19m34s consent@60 ledger-deleted@73",
		"upgrade seed=e4976e5f5892f436 siblings-die claims shared psoxy@34 stale@63/1s atlassian-denies@82/2h9m15s consent@85",
	} {
		t.Run(text, func(t *testing.T) {
			plan, err := simulation.ParsePlan(text)
			require.NoError(t, err)
			require.Empty(t, simulation.Run(plan).Counters.Broken())
		})
	}
}
