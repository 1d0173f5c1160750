using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>
/// Rows of Int8 by panels of codes: what both widths of a code share. A row alone keeps its F32 sums in registers, more rows keep theirs
/// in c.
/// </summary>
internal abstract class Int8Tiles : TileFamily
{
    /// <summary>"Q4" or "Q8".</summary>
    protected abstract string Format { get; }
    /// <summary>The tiles' name before its rows and panels.</summary>
    protected abstract string Name { get; }
    /// <summary>Bytes of a row that are multiplied with a word of a panel.</summary>
    protected abstract int WordBytes { get; }

    /// <summary>Adds the products of a word.</summary>
    protected abstract string Word(int rows, int panels);
    /// <summary>Loads the scales of a group.</summary>
    protected abstract string Parameters(int panels);
    /// <summary>
    /// The F32 sum <paramref name="c"/> with the integer sums of a group added; where it is an address, that is done there.
    /// </summary>
    protected abstract string Add(int row, int panel, string c);

    private const string Arguments =
        "sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c";

    /// <summary>What calls a tile of <paramref name="panels"/> panels.</summary>
    protected string Dispatch(int panels, params int[] rows) => Dispatch($"{Name}Of{panels}", Name, $"x{panels}", rows, Arguments);

    protected string Tile(int rows, int panels)
    {
        var asksAhead = (rows, panels) != (1, 1);
        return Text($$"""
            /// <summary>{{Format}}: {{Count(rows, "row")}} by {{Count(panels, "panel")}}.</summary>
            [MethodImpl(Compiled.Alone)]
            private static void {{Name}}{{rows}}x{{panels}}({{Arguments}})
            {
                {{Lines(panels - 1, p => $"var w{p + 1} = w{p} + panelBytes;")}}
                byte* {{List(panels, p => $"p{p} = w{p} + parameterOffset")}};
                {{(rows == 1 ? $"TLanes {List(panels, p => $"c{p} = TLanes.Zero")};" : "")}}
                {{(asksAhead ? Ahead(panels) : "")}}
                for (var group = 0; group < groups; group++)
                {
                    {{(asksAhead ? MoveAhead(panels) : "")}}
                    {{Lines(rows, r => $"TLanes {List(panels, p => $"i{r}{p} = TLanes.Zero")};")}}
                    for (var word = 0; word < PanelLayout.{{Format}}CodeBytes; word += PanelLayout.WordBytes)
                    {
                        {{(asksAhead ? Lines(panels, p => $"Prefetch(w{p} + ahead);") : "")}}
                        {{Word(rows, panels)}}
                        {{Lines(panels, p => $"w{p} += PanelLayout.WordBytes;")}}
                        x += {{WordBytes * rows}};
                    }
                    {{Parameters(panels)}}
                    {{Lines(rows, r => Lines(panels, p => rows == 1 ? $"c{p} = {Add(0, p, $"c{p}")};" : AddInMemory(r, p, panels)))}}
                    scales += {{rows}};
                    sums += {{rows}};
                    {{Lines(panels, p => $"p{p} += PanelLayout.{Format}ParameterBytes;")}}
                }
                {{(rows == 1 ? Lines(panels, p => $"TLanes.Store(c{p}, c + {16 * p});") : "")}}
            }
            """);
    }

    private string AddInMemory(int row, int panel, int panels) => $"{Add(row, panel, $"c + {16 * (row * panels + panel)}")};";

    private string Ahead(int panels) => panels == 4
        ? $"long ahead = PrefetchBytes, ahead2 = PrefetchBytes / PanelLayout.{Format}CodeBytes * PanelLayout.{Format}ParameterBytes;"
        : $"long ahead = {Distance(panels)};";

    /// <summary>Near the panels' end what is asked for moves on to the next panels; four panels ask for their parameters too.</summary>
    private string MoveAhead(int panels) => panels == 4
        ? Text($$"""
            if (group == groups - {{Distance(panels)}} / PanelLayout.{{Format}}CodeBytes)
            {
                ahead += {{panels}} * panelBytes - (long)groups * PanelLayout.{{Format}}CodeBytes;
                ahead2 += {{panels}} * panelBytes - (long)groups * PanelLayout.{{Format}}ParameterBytes;
            }
            {{Lines(panels, p => $"Prefetch(p{p} + ahead2);")}}
            """)
        : Text($$"""
            if (group == groups - {{Distance(panels)}} / PanelLayout.{{Format}}CodeBytes)
                ahead += {{panels}} * panelBytes - (long)groups * PanelLayout.{{Format}}CodeBytes;
            """);

    private static string Distance(int panels) => panels == 2 ? "2 * PrefetchBytes" : "PrefetchBytes";
}
