using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Int8 by Q8: products of 16 bits, of the even and of the odd bytes of a word, whose sums have 32 bits.</summary>
internal sealed class ByteTiles : Int8Tiles
{
    protected override string Summary => "Int8 rows by Q8 panels: see the remarks of the integer products.";
    protected override string Format => "Q8";
    protected override string Name => "Bytes";
    protected override int WordBytes => 8;

    protected override IEnumerable<string> Methods =>
        [Tile(1, 1), Tile(1, 4), Tile(2, 1), Tile(4, 1), Tile(8, 1), Dispatch(1, 8, 4, 2, 1), Dispatch(4, 1)];

    /// <summary>A panel, and for more rows a half of its bytes, at a time: registers of 256 bits are few.</summary>
    protected override string Word(int rows, int panels) => rows == 1
        ? Text($$"""
            TLanes x0 = TLanes.BroadcastWord(x), y0 = TLanes.BroadcastWord(x + 4);
            {{Lines(panels, p => Lines(2, half => Multiply(0, p, half, Codes(p, half))))}}
            """)
        : Lines(2, half => Text($$"""
            {{Lines(panels, p => $"var {Half(half)}{p} = {Codes(p, half)};")}}
            {{Lines(rows, r => Text($$"""
                var {{X(half)}}{{r}} = TLanes.BroadcastWord(x + {{4 * (half * rows + r)}});
                {{Lines(panels, p => Multiply(r, p, half, $"{Half(half)}{p}"))}}
                """))}}
            """));

    private static string Codes(int panel, int half) => $"TLanes.{(half == 0 ? "Even" : "Odd")}Bytes(w{panel})";

    private static string Multiply(int row, int panel, int half, string codes) =>
        $"i{row}{panel} = TLanes.AddShortProducts(i{row}{panel}, {codes}, {X(half)}{row});";

    private static string Half(int half) => half == 0 ? "e" : "o";
    private static string X(int half) => half == 0 ? "x" : "y";

    protected override string Parameters(int panels) => $"TLanes {List(panels, p => $"s{p} = TLanes.LoadF16((ushort*)p{p})")};";

    protected override string Add(int row, int panel, string c) =>
        $"AddBytes(i{row}{panel}, s{panel}, scales + {row}, sums + {row}, {c})";
}
