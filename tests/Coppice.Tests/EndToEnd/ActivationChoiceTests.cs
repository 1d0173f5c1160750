using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`--activations auto` and `coppice tune`, which measures what it means.</summary>
public sealed class ActivationChoiceTests : IDisposable
{
    private readonly TinyModel _folder = new();
    private readonly string _choices = Directory.CreateTempSubdirectory("coppice-choices-").FullName;

    public void Dispose()
    {
        Directory.Delete(_choices, recursive: true);
        _folder.Dispose();
    }

    private ModelOptions Auto(WeightFormat weights) => new()
    {
        Device = "cpu",
        ContextLength = 64,
        WeightFormat = weights,
        Activations = ActivationFormat.Auto,
        ActivationChoices = _choices,
    };

    [Fact]
    public void Auto_is_what_was_measured_for_the_model_the_weights_and_the_device()
    {
        using (var model = _folder.Load(Auto(WeightFormat.Q8))) Assert.Equal(ActivationFormat.F32, model.Options.Activations);
        var path = Write(WeightFormat.Q8, ActivationFormat.Int8);
        using (var model = _folder.Load(Auto(WeightFormat.Q8))) Assert.Equal(ActivationFormat.Int8, model.Options.Activations);
        using (var model = _folder.Load(Auto(WeightFormat.Q4))) Assert.Equal(ActivationFormat.F32, model.Options.Activations);
        using (var model = _folder.Load(Auto(WeightFormat.Q8) with { Threads = 3 }))
            Assert.Equal(ActivationFormat.F32, model.Options.Activations);
        using (var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 64, WeightFormat = WeightFormat.Q8 }))
            Assert.Equal(ActivationFormat.F32, model.Options.Activations);
        string[] all =
        [
            "", "{", "[]", "{\"activations\": 1}", "{\"activations\": \"Auto\"}", "{\"activations\": \"7\"}", new string(' ', 1 << 17),
        ];
        foreach (var damaged in all)
        {
            File.WriteAllText(path, damaged);
            using var model = _folder.Load(Auto(WeightFormat.Q8));
            Assert.Equal(ActivationFormat.F32, model.Options.Activations);
        }
        Write(WeightFormat.Q8, ActivationFormat.Int8);
        _folder.Write(round: w => 2 * w);      // another model in the same folder
        using (var model = _folder.Load(Auto(WeightFormat.Q8))) Assert.Equal(ActivationFormat.F32, model.Options.Activations);
    }

    private string Write(WeightFormat weights, ActivationFormat choice)
    {
        using var checkpoint = Checkpoint.Open(_folder.Folder);
        using var backend = DeviceFactory.Create("cpu", 0);
        return ActivationChoices.Write(_folder.Folder, checkpoint, new WeightSettings(weights), backend, choice, _choices);
    }

    [Fact]
    public void Tune_measures_every_format_and_generate_takes_the_choice()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("the folder for local data is not an environment variable's there");
        (string, string)[] home = [("XDG_DATA_HOME", _choices)];
        string[] model = ["--device", "cpu", "--weights", "q8", "--context", "512"];
        var result = CliProcess.Run("", home, ["tune", .. model, "--rounds", "1", "--json"]).Json;
        var rows = result.GetProperty("rows").EnumerateArray().ToDictionary(row => row.GetProperty("activations").GetString()!);
        Assert.Equal(["f32", "int8"], rows.Keys.Order());
        Assert.Equal(0, rows["f32"].GetProperty("perplexity_change").GetDouble());
        Assert.InRange(Math.Abs(rows["int8"].GetProperty("perplexity_change").GetDouble()), 1e-7, 0.05);
        Assert.All(rows.Values, row => Assert.True(row.GetProperty("prefill_tokens_per_s").GetDouble() > 1));
        var chosen = result.GetProperty("activations").GetString()!;
        Assert.True(File.Exists(result.GetProperty("file").GetString()));
        var answer = CliProcess.Run("", home, ["generate", "Gets", "--max-tokens", "4", "--activations", "auto", .. model]);
        Assert.Equal(0, answer.Status);
        Assert.Equal(chosen != "f32", answer.Error.Contains($"activations {chosen}", StringComparison.Ordinal));
        var info = CliProcess.Run("", home, ["info", "--json"]).Json;
        Assert.Equal(chosen, info.GetProperty("activations").GetProperty("q8").GetString());
        Assert.Equal(2, CliProcess.Run("", home, ["tune", "--activations", "f32"]).Status);
    }
}
