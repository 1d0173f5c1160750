using System.ComponentModel;
using Coppice;
using Coppice.Extensions.AI;
using Microsoft.Extensions.AI;

if (args is not [var folder, ..])
{
    Console.Error.WriteLine("usage: ToolCalling FOLDER [QUESTION], the folder of a model with a chat template");
    return 2;
}
var question = args is [_, var given] ? given : "What is the weather in Oslo?";
using var model = LanguageModel.Load(folder);

// The middleware of Microsoft.Extensions.AI calls the function and gives its result to the model.
using var client = new ChatClientBuilder(model.AsIChatClient()).UseFunctionInvocation().Build();
var options = new ChatOptions
{
    Tools = [AIFunctionFactory.Create(GetWeather)],
    ToolMode = ChatToolMode.RequireAny,        // a small model does not always call by itself; its arguments fit the schema in any case
    AllowMultipleToolCalls = false,
    Temperature = 0,
    MaxOutputTokens = 200,
};
var response = await client.GetResponseAsync(question, options);
foreach (var content in response.Messages.SelectMany(message => message.Contents))
    Console.WriteLine(content switch
    {
        FunctionCallContent call =>
            $"calls {call.Name}({string.Join(", ", call.Arguments!.Select(argument => $"{argument.Key}: {argument.Value}"))})",
        FunctionResultContent result => $"returns {result.Result}",
        TextContent text => text.Text,
        _ => "",
    });
return 0;

[Description("The weather in a city now.")]
static string GetWeather([Description("Name of the city")] string city, Unit unit) => $"-3 degrees {unit} and snow in {city}";

internal enum Unit { Celsius, Fahrenheit }
