using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>One row by some panels of 16 or 32 bits.</summary>
internal sealed class RowTiles : TileFamily
{
    protected override string Summary => "One row by panels of 16 or 32 bits: each accumulator is one chain over k ascending.";

    protected override IEnumerable<string> Methods => [Tile(1), Tile(2), Tile(4), Dispatch()];

    private const string Parameters = "float* x, byte* w0, long panelBytes, int pairs, float* y";
    private const string Constraint = " where TFormat : struct, IPanelFormat<TLanes>";

    /// <summary>One row has no height to choose by, but panels.</summary>
    private static string Dispatch() =>
        Dispatch("OneRow<TFormat>", "Row1x", "<TFormat>", [4, 2, 1], Parameters, Constraint)
            .Replace("rows", "panels", StringComparison.Ordinal);

    private static string Tile(int panels)
    {
        var asksAhead = panels == 4;
        var remark = asksAhead ? " Lines are asked for ahead: see <see cref=\"PrefetchBytes\"/>." : "";
        return Text($$"""
            /// <summary>One row by {{Count(panels, "panel")}}: y[16 · {{panels}}] for x [2 · pairs].{{remark}}</summary>
            [MethodImpl(Compiled.Alone)]
            private static void Row1x{{panels}}<TFormat>({{Parameters}}){{Constraint}}
            {
                TLanes {{List(panels, p => $"c{p} = TLanes.Zero")}};
                {{Lines(panels - 1, p => $"var w{p + 1} = w{p} + panelBytes;")}}
                {{(asksAhead ? LoopAhead(panels) : Loop(panels))}}
                {{Lines(panels, p => $"TLanes.Store(c{p}, y + {16 * p});")}}
            }
            """);
    }

    private static string Loop(int panels) => Text($$"""
        for (var pair = 0; pair < pairs; pair++)
        {
            {{Body(panels, Multiply)}}
        }
        """);

    private static string LoopAhead(int panels) => Text($$"""
        long ahead = PrefetchBytes;
        var end = Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes));
        for (var pair = 0; pair < pairs; ahead += {{panels - 1}} * panelBytes, end = pairs)
            for (; pair < end; pair++)
            {
                {{Body(panels, p => $"PrefetchPair<TFormat>(w{p} + ahead);\n{Multiply(p)}")}}
            }
        """);

    private static string Body(int panels, Func<int, string> panel) => Text($$"""
        TLanes x0 = TLanes.Broadcast(x[0]), x1 = TLanes.Broadcast(x[1]);
        {{Lines(panels, panel)}}
        x += 2;
        """);

    private static string Multiply(int p) => Text($$"""
        c{{p}} = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w{{p}}), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w{{p}}), c{{p}}));
        w{{p}} += TFormat.PairBytes;
        """);
}
