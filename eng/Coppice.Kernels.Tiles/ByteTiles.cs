using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Int8 by Q8: a code is taken apart into its lower and upper half, whose products are summed apart.</summary>
internal sealed class ByteTiles : Int8Tiles
{
    protected override string Summary => "Int8 rows by Q8 panels: see the remarks of the integer products.";
    protected override string Format => "Q8";
    protected override string Name => "Bytes";
    protected override int WordInputs => 4;

    protected override IEnumerable<string> Methods =>
        [Tile(1, 1), Tile(1, 4), Tile(2, 1), Tile(4, 1), Tile(8, 1), Dispatch(1, 8, 4, 2, 1), Dispatch(4, 1)];

    protected override string Sums(int rows, int panels) => Lines(rows, r => Text($$"""
        TLanes {{List(panels, p => $"il{r}{p} = TLanes.Zero")}};
        TLanes {{List(panels, p => $"ih{r}{p} = TLanes.Zero")}};
        """));

    protected override string Word(int rows, int panels) => Text($$"""
        TLanes {{List(panels, p => $"l{p} = TLanes.LowNibbles(w{p}), h{p} = TLanes.HighNibbles(w{p})")}};
        {{Lines(rows, r => $"var x{r} = TLanes.BroadcastWord(x + {4 * r});\n{Lines(panels, p => Multiply(r, p))}")}}
        """);

    private static string Multiply(int row, int panel) => Text($$"""
        il{{row}}{{panel}} = TLanes.AddShorts(il{{row}}{{panel}}, TLanes.MultiplyPairs(l{{panel}}, x{{row}}));
        ih{{row}}{{panel}} = TLanes.AddShorts(ih{{row}}{{panel}}, TLanes.MultiplyPairs(h{{panel}}, x{{row}}));
        """);

    protected override string Parameters(int panels) => $"TLanes {List(panels, p => $"s{p} = TLanes.LoadF16((ushort*)p{p})")};";

    protected override string Add(int row, int panel, string c) =>
        $"AddBytes(il{row}{panel}, ih{row}{panel}, s{panel}, scales[{row}], sums[{row}], {c})";
}
