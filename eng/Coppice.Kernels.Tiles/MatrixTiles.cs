using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Some rows by some panels of 16 or 32 bits.</summary>
internal sealed class MatrixTiles : TileFamily
{
    protected override string Summary => "Rows by panels of 16 or 32 bits: each accumulator is one chain over k ascending.";

    protected override IEnumerable<string> Methods =>
    [
        Tile(8, 2), Tile(6, 2), Tile(4, 2), Tile(3, 2), Tile(2, 2),
        Tile(6, 4), Tile(4, 4), Tile(3, 4), Tile(2, 4),
        Tile(6, 1), Tile(4, 1), Tile(2, 1),
        Dispatch(2, [8, 6, 4, 3, 2]), Dispatch(4, [6, 4, 3, 2]), Dispatch(1, [6, 4, 2]),
    ];

    private const string Constraint = " where TFormat : struct, IPanelFormat<TLanes>";

    private static string Dispatch(int panels, int[] rows) =>
        Dispatch($"TilesOf{panels}<TFormat>", "Tile", $"x{panels}<TFormat>", rows, Parameters(panels), Constraint);

    private static string Parameters(int panels)
    {
        var weights = panels switch { 1 => "byte* w0", 2 => "byte* w0, byte* w1", _ => "byte* w0, long panelBytes" };
        return $"float* x, {weights}, int pairs, float* c, float* y, int apart, {(panels > 1 ? "long ahead, long jump, " : "")}nint alias";
    }

    private static string Tile(int rows, int panels)
    {
        var asksAhead = panels > 1;
        var panelPointers = panels > 2 ? $"byte* {List(panels - 1, p => $"w{p + 1} = w{p} + panelBytes")};" : "";
        return Text($$"""
            /// <summary>
            /// {{rows}} rows by {{Count(panels, "panel")}}{{Use(panels)}}: {{rows * panels}} accumulators.
            /// x is packed [k][{{rows}}]; they begin as c [{{rows}}][{{16 * panels}}], or 0 where that is null, and go to y, whose rows are
            /// <paramref name="apart"/> floats apart.{{(asksAhead ? AheadRemark : "")}}
            /// </summary>
            [MethodImpl(Compiled.Alone)]
            private static void Tile{{rows}}x{{panels}}<TFormat>({{Parameters(panels)}}){{Constraint}}
            {
                {{panelPointers}}
                {{Lines(rows, r => $"TLanes {List(panels, p => $"c{r}{p} = TLanes.Zero")};")}}
                if (c is not null)
                {
                    {{Lines(rows, r => Statements(panels, p => $"c{r}{p} = TLanes.Load(c + {16 * (r * panels + p)});"))}}
                }
                {{(asksAhead ? LoopAhead(rows, panels) : Loop(rows, panels))}}
                {{Lines(rows, r => Store(r, panels) + (r < rows - 1 ? " y += apart;" : ""))}}
            }
            """);
    }

    private static string Store(int row, int panels) => Statements(panels, p => $"TLanes.Store(c{row}{p}, y + {16 * p});");

    private static string Use(int panels) =>
        panels == 4 ? ", for few rows, where as many streams of weights as for one row keep memory busy" : "";

    private const string AheadRemark = " Lines of weights are asked for <paramref name=\"ahead\"/> bytes ahead, and\n" +
        "/// <paramref name=\"jump\"/> further on where that is after the panels' end.";

    private static string Loop(int rows, int panels) => Text($$"""
        for (var pair = 0; pair < pairs; pair++)
        {
            {{Body(rows, panels)}}
        }
        """);

    private static string LoopAhead(int rows, int panels) => Text($$"""
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                {{Lines(panels, p => $"PrefetchPair<TFormat>(w{p} + ahead);")}}
                {{Body(rows, panels)}}
            }
        """);

    private static string Body(int rows, int panels) => Text($$"""
        TLanes {{List(panels, p => $"even{p} = TFormat.Even(w{p})")}};
        {{Lines(rows, r => Multiply(r, panels, "e", r, "even"))}}
        TLanes {{List(panels, p => $"odd{p} = TFormat.Odd(w{p} + alias)")}};
        {{Lines(rows, r => Multiply(r, panels, "o", rows + r, "odd"))}}
        {{Lines(panels, p => $"w{p} += TFormat.PairBytes;")}}
        x += {{2 * rows}};
        """);

    /// <summary>Adds a row's products with one half of a pair: the input x[<paramref name="at"/>] by the weights of that half.</summary>
    private static string Multiply(int row, int panels, string input, int at, string weight) => Text($$"""
        var {{input}}{{row}} = TLanes.Broadcast(x[{{at}}]);
        {{Statements(panels, p => $"c{row}{p} = TLanes.FusedMultiplyAdd({input}{row}, {weight}{p}, c{row}{p});")}}
        """);
}
