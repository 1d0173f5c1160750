using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Int8 by Q4: a word holds codes of 8 inputs in halves of 4, which are multiplied one after the other.</summary>
internal sealed class NibbleTiles : Int8Tiles
{
    protected override string Summary => "Int8 rows by Q4 panels: see the remarks of the integer products.";
    protected override string Format => "Q4";
    protected override string Name => "Nibbles";
    protected override int WordBytes => 8;

    protected override IEnumerable<string> Methods =>
    [
        Tile(1, 1), Tile(1, 4), Tile(2, 1), Tile(4, 1), Tile(8, 1), Tile(2, 2), Tile(4, 2), Tile(8, 2),
        Dispatch(2, 8, 4, 2), Dispatch(1, 8, 4, 2, 1), Dispatch(4, 1),
    ];

    /// <summary>A panel at a time for one row, for more a half of its codes: registers of 256 bits are few.</summary>
    protected override string Word(int rows, int panels) => rows == 1
        ? Text($$"""
            TLanes x0 = TLanes.BroadcastWord(x), y0 = TLanes.BroadcastWord(x + 4);
            {{Lines(panels, p => Text($$"""
                i0{{p}} = TLanes.AddByteProducts(i0{{p}}, TLanes.LowNibbles(w{{p}}), x0);
                i0{{p}} = TLanes.AddByteProducts(i0{{p}}, TLanes.HighNibbles(w{{p}}), y0);
                """))}}
            """)
        : Text($$"""
            TLanes {{List(panels, p => $"q{p} = TLanes.LowNibbles(w{p})")}};
            {{Lines(rows, r => $"var {Multiply(r, 4 * r, panels)}")}}
            {{Statements(panels, p => $"q{p} = TLanes.HighNibbles(w{p});")}}
            {{Lines(rows, r => Multiply(r, 4 * (rows + r), panels))}}
            """);

    private static string Multiply(int row, int at, int panels) => Text($$"""
        x{{row}} = TLanes.BroadcastWord(x + {{at}});
        {{Statements(panels, p => $"i{row}{p} = TLanes.AddByteProducts(i{row}{p}, q{p}, x{row});")}}
        """);

    protected override string Parameters(int panels) => Text($$"""
        TLanes {{List(panels, p => $"s{p} = TLanes.LoadF16((ushort*)p{p})")}};
        TLanes {{List(panels, p => $"m{p} = TLanes.LoadF16((ushort*)p{p} + PanelLayout.Width)")}};
        """);

    protected override string Add(int row, int panel, string c) =>
        $"AddNibbles(i{row}{panel}, s{panel}, m{panel}, scales + {row}, sums + {row}, {c})";
}
