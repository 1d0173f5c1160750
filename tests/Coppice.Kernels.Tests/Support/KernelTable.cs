using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Kernels.Gpu;

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// The resources of all kernels as files that are kept with the code: JSON that a test compares with, and the same for readers.
/// </summary>
internal static class KernelTable
{
    internal const string JsonName = "kernels.json";
    internal const string MarkdownName = "kernels.md";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NewLine = "\n"
    };

    /// <summary>Writes both files into <paramref name="folder"/>.</summary>
    internal static void Write(string folder, IReadOnlyList<KernelResources> rows)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, JsonName), JsonSerializer.Serialize(rows, Json) + "\n");
        File.WriteAllText(Path.Combine(folder, MarkdownName), Markdown(rows));
    }

    /// <summary>Reads what <see cref="Write"/> has written.</summary>
    internal static IReadOnlyList<KernelResources> Read(string folder) =>
        JsonSerializer.Deserialize<KernelResources[]>(File.ReadAllText(Path.Combine(folder, JsonName)), Json)!;

    private static string Markdown(IReadOnlyList<KernelResources> rows)
    {
        var text = new StringBuilder();
        text.Append("# What each GPU kernel takes\n\n");
        text.Append("As `ptxas -v` reports it for the PTX of this commit; warps are those that fit a multiprocessor at once, of 64.\n");
        text.Append("A test fails where a kernel takes more. ");
        text.Append("To write the table anew, delete `kernels.json` and run `KernelCompilationTests`.\n\n");
        text.Append("| kernel | " + string.Join(" | ",
            PtxCompiler.Architectures.Select(a => $"{a}: registers | spills, bytes | stack, bytes | shared, bytes | warps")) + " |\n");
        text.Append("|---|" + string.Concat(Enumerable.Repeat("---:|", 5 * PtxCompiler.Architectures.Count)) + "\n");
        foreach (var kernel in rows.GroupBy(row => row.Name))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {kernel.Key} |");
            foreach (var row in kernel)
            {
                var spills = row.SpillStoreBytes + row.SpillLoadBytes;
                text.Append(CultureInfo.InvariantCulture,
                    $" {row.Registers} | {spills} | {row.StackBytes} | {row.SharedBytes} | {row.WarpsPerMultiprocessor} |");
            }
            text.Append('\n');
        }
        return text.ToString();
    }
}
