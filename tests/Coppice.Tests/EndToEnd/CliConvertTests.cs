using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice convert` as users call it, and rows of `coppice bench` of their own.</summary>
public sealed class CliConvertTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Fact]
    public void Convert_writes_a_file_and_says_what_is_in_it()
    {
        var path = Path.Combine(files.Folder, "model.gguf");
        var result = CliProcess.Run("convert", "--model", files.Model, "--to", "gguf", "--type", "bf16", path, "--json").Json;
        Assert.Equal(path, result.GetProperty("path").GetString());
        Assert.Equal(20, result.GetProperty("tensors").GetInt32());
        Assert.Equal(new FileInfo(path).Length, result.GetProperty("bytes").GetInt64());
        Assert.Equal("GGUF"u8.ToArray(), File.ReadAllBytes(path)[..4]);
        Assert.Contains("must not be there yet", Failed(1, "--to", "gguf", path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_converted_folder_generates_the_same_text()
    {
        var folder = Path.Combine(files.Folder, "converted");
        Assert.Equal(0, CliProcess.Run("convert", "--model", files.Model, "--to", "safetensors", "--type", "f32", folder).Status);
        string[] arguments = ["generate", "--ids", "1,2,3", "--max-tokens", "8", "--device", "cpu", "--ignore-eos", "--json", "--model"];
        Assert.Equal(Ids(files.Model), Ids(folder));

        string Ids(string model) => CliProcess.Run([.. arguments, model]).Json.GetProperty("ids").ToString();
    }

    [Fact]
    public void What_cannot_be_converted_is_one_line()
    {
        var path = Path.Combine(files.Folder, "x.gguf");
        Assert.Contains("multiple of 32", Failed(1, "--to", "gguf", "--type", "q4_0", path), StringComparison.Ordinal);
        Assert.Contains("use --to gguf", Failed(1, "--to", "safetensors", "--type", "q8_0", path), StringComparison.Ordinal);
        Failed(2, "--to", "onnx", path);
        Failed(2, "--to", "gguf", "--type", "q3", path);
        Failed(2, "--to", "gguf");
        Failed(2, path);
        Assert.False(Path.Exists(path));
    }

    [Fact]
    public void Bench_measures_rows_of_ones_own()
    {
        string[] arguments = ["bench", "--model", files.Model, "--device", "cpu", "--rounds", "1", "--json"];
        var rows = CliProcess.Run([.. arguments, "--prefill", "20", "--decode", "12", "--depth", "30"]).Json.GetProperty("rows");
        Assert.Equal(["prefill-20", "decode-12@30"], rows.EnumerateArray().Select(row => row.GetProperty("name").GetString()));
        Assert.All(rows.EnumerateArray(), row => Assert.True(row.GetProperty("tokens_per_s").GetDouble() > 0));
        Assert.Equal("decode-5@0",
            CliProcess.Run([.. arguments, "--decode", "5"]).Json.GetProperty("rows")[0].GetProperty("name").GetString());
        Assert.Contains("need a context of 133", CliProcess.Run([.. arguments, "--decode", "100", "--depth", "32"]).OneError,
            StringComparison.Ordinal);
        Assert.Equal(2, CliProcess.Run([.. arguments, "--suite", "decode", "--decode", "5"]).Status);
        Assert.Equal(2, CliProcess.Run([.. arguments, "--depth", "5"]).Status);
    }

    private string Failed(int status, params string[] arguments)
    {
        var outcome = CliProcess.Run(["convert", "--model", files.Model, .. arguments]);
        Assert.Equal(status, outcome.Status);
        return outcome.OneError;
    }
}
